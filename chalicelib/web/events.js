/** Server-sent events, read from an answer's body as they come. */

/** The data of each event. */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const whole = (rest + value).split("\n\n");
      rest = whole.pop() ?? "";
      for (const each of whole) if (each.startsWith("data: ")) yield each.slice(6);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
