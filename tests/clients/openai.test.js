// OpenAI's client for JavaScript, unmodified, told where to go by its own two environment variables.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0 });
const model = "claude-haiku-4-5";
const ask = (content, options = {}) =>
  client.chat.completions.create({ model, messages: [{ role: "user", content }], ...options });
const tool = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

test("it answers", async () => {
  const { data, response, request_id } = await ask("What is an ebb?").withResponse();

  assert.match(data.choices[0].message.content, /What is an ebb\?/);
  assert.equal(data.choices[0].finish_reason, "stop");
  assert.equal(response.headers.get("x-tidegate-target"), "simulated://echo");
  assert.ok(request_id);
});

test("it streams", async () => {
  const stream = await ask("Word by word", { stream: true, stream_options: { include_usage: true } });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);

  assert.match(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), /Word by word/);
  assert.ok(chunks.at(-1).usage.completion_tokens > 0);
});

test("the streaming helper puts the answer together", async () => {
  const runner = client.chat.completions.stream({ model, messages: [{ role: "user", content: "Helped along" }] });
  let pieces = "";
  for await (const chunk of runner) pieces += chunk.choices[0]?.delta.content ?? "";

  assert.equal(await runner.finalContent(), pieces);
});

test("a tool is called and its result is answered from", async () => {
  const question = { role: "user", content: "Please call get_weather for Oslo" };
  const asked = await client.chat.completions.create({ model, messages: [question], tools: [tool] });
  const [call] = asked.choices[0].message.tool_calls;
  const result = { role: "tool", tool_call_id: call.id, content: "Snow" };
  const messages = [question, asked.choices[0].message, result];
  const answered = await client.chat.completions.create({ model, messages, tools: [tool] });

  assert.equal(asked.choices[0].finish_reason, "tool_calls");
  assert.ok("city" in JSON.parse(call.function.arguments));
  assert.match(answered.choices[0].message.content, /Snow/);
});

test("the tool runner goes round by itself", async () => {
  const cities = [];
  const weather = { ...tool.function, parse: JSON.parse, function: ({ city }) => (cities.push(city), "Hail") };
  const runner = client.chat.completions.runTools({
    model,
    messages: [{ role: "user", content: "Please call get_weather for Bergen" }],
    tools: [{ type: "function", function: weather }],
  });

  assert.match(await runner.finalContent(), /Hail/);
  assert.equal(cities.length, 1);
});

test("texts are embedded", async () => {
  const input = ["The tide comes in", "The tide goes out"];
  const packed = await client.embeddings.create({ model: "wordllama-256", input });
  const plain = await client.embeddings.create({ model: "wordllama-256", input, encoding_format: "float" });

  assert.equal(packed.data.length, 2);
  assert.equal(packed.data[0].embedding.length, 256);
  packed.data[1].embedding.forEach((value, place) => {
    assert.ok(Math.abs(value - plain.data[1].embedding[place]) < 1e-6);
  });
});

test("models are listed and found", async () => {
  const listed = [];
  for await (const each of client.models.list()) listed.push(each.id);

  assert.ok(listed.includes(model));
  assert.equal((await client.models.retrieve(model)).id, model);
});

test("a conversation remembers, is paged, and ends", async () => {
  const { id } = await client.conversations.create({ metadata: { topic: "tides" } });
  await ask("My boat is called Gull.", { conversation: id });
  const answer = await ask("What is my boat called?", { conversation: id });
  const added = await client.conversations.items.create(id, {
    items: [{ type: "message", role: "user", content: "And one more" }],
  });
  const items = [];
  for await (const item of client.conversations.items.list(id, { order: "asc", limit: 2 })) items.push(item);

  assert.match(answer.choices[0].message.content, /My boat is called Gull\./);
  assert.deepEqual(items.map((item) => item.role), ["user", "assistant", "user", "assistant", "user"]);
  assert.equal(items[4].id, added.data[0].id);
  const read = await client.conversations.items.retrieve(items[0].id, { conversation_id: id });
  assert.deepEqual(read, items[0]);
  assert.deepEqual((await client.conversations.update(id, { metadata: {} })).metadata, {});
  assert.equal((await client.conversations.delete(id)).deleted, true);
  await assert.rejects(client.conversations.retrieve(id), OpenAI.NotFoundError);
});

test("refusals are the client's own errors", async () => {
  await assert.rejects(ask("Hello", { temperature: 3 }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, "temperature");
    return true;
  });
  const stranger = new OpenAI({ apiKey: "wrong", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
});
