// Responses through OpenAI's client for JavaScript, unmodified, told where to go by its own two environment variables.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0 });
const model = "claude-haiku-4-5";
const create = (input, options = {}) => client.responses.create({ model, input, ...options });
const tool = {
  type: "function",
  name: "get_weather",
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  },
  strict: true,
};

test("a response lives and ends", async () => {
  const made = await create("What is an ebb?", { instructions: "Be brief." });
  const found = await client.responses.retrieve(made.id);
  await client.responses.delete(made.id);

  assert.match(made.output_text, /What is an ebb\?/);
  assert.equal(found.output_text, made.output_text);
  assert.equal(found.status, "completed");
  await assert.rejects(client.responses.retrieve(made.id), OpenAI.NotFoundError);
  await assert.rejects(client.responses.cancel(made.id), OpenAI.NotFoundError);
  await assert.rejects(client.responses.inputItems.list(made.id), OpenAI.NotFoundError);
});

test("it streams", async () => {
  const events = [];
  for await (const event of await create("Word by word", { stream: true })) events.push(event);

  const words = events.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta);
  assert.equal(events[0].type, "response.created");
  assert.equal(events.at(-1).type, "response.completed");
  assert.equal(words.join(""), events.at(-1).response.output[0].content[0].text);
});

test("the streaming helper puts the answer together", async () => {
  const runner = client.responses.stream({ model, input: "Helped along" });
  let words = "";
  runner.on("response.output_text.delta", (event) => (words += event.delta));

  const response = await runner.finalResponse();

  assert.match(words, /Helped along/);
  assert.equal(response.output_text, words);
});

test("an answer has the structure that was asked for", async () => {
  const schema = { type: "object", properties: { depth: { type: "integer" } }, required: ["depth"] };
  const format = { type: "json_schema", name: "depth", strict: true, schema: { ...schema, additionalProperties: false } };

  const response = await client.responses.parse({ model, input: "How deep?", text: { format } });

  assert.equal(typeof response.output_parsed.depth, "number");
});

test("a tool is called and its result is answered from, with a thread and without", async () => {
  const question = { role: "user", content: "Please call get_weather for Oslo" };
  const asked = await client.responses.parse({ model, input: [question], tools: [tool] });
  const [call] = asked.output;
  const result = { type: "function_call_output", call_id: call.call_id, output: "Snow" };

  const threaded = await create([result], { tools: [tool], previous_response_id: asked.id });
  const whole = await create([question, ...asked.output, result], { tools: [tool], store: false });

  assert.ok("city" in call.parsed_arguments);
  assert.match(threaded.output_text, /Snow/);
  assert.match(whole.output_text, /Snow/);
});

test("a thread is remembered, and its input paged", async () => {
  const first = await create("My boat is called Gull.");
  const second = await create([..."abc"].map((content) => ({ role: "user", content })), {
    previous_response_id: first.id,
  });
  const third = await create("What do you know?", { previous_response_id: second.id });
  const read = [];
  for await (const item of client.responses.inputItems.list(second.id, { order: "asc", limit: 2 })) read.push(item);

  assert.match(third.output_text, /I remember 6 earlier messages/);
  assert.deepEqual(read.map((item) => item.content[0].text), [..."abc"]);
});

test("one in the background is streamed from any event on, and polled", async () => {
  const events = [];
  for await (const event of await create("What is a flood?", { background: true, stream: true })) events.push(event);
  const { id } = events[0].response;
  const rest = [];
  for await (const event of await client.responses.retrieve(id, { stream: true, starting_after: 2 })) rest.push(event);
  const polled = await client.responses.retrieve(id);
  const over = await client.responses.cancel(id);

  assert.equal(events[1].type, "response.queued");
  assert.deepEqual(rest, events.slice(3));
  assert.equal(polled.status, "completed");
  assert.match(polled.output_text, /What is a flood\?/);
  assert.equal(over.status, "completed");
});

test("a conversation is continued", async () => {
  const conversation = await client.conversations.create({});
  await create("My boat is called Gull.", { conversation: conversation.id });

  const second = await create("What is my boat called?", { conversation: { id: conversation.id } });

  assert.match(second.output_text, /My boat is called Gull\./);
});
