/** Numbers and times as people read them. */

const WHOLE = new Intl.NumberFormat("en");
const DAY = 86_400_000;

/** A count with its thousands apart. */
export function count(number) {
  return WHOLE.format(number);
}

/** Micro-USD as dollars, with as many digits as it takes to say something. */
export function dollars(micros) {
  const usd = micros / 1e6;
  if (usd === 0) return "$0";
  const digits = usd >= 1 ? 2 : usd >= 0.01 ? 3 : Math.min(6, 1 - Math.floor(Math.log10(usd)));
  return `$${usd.toFixed(digits)}`;
}

/** A time that passed, from milliseconds. */
export function seconds(millis) {
  return millis < 9_950 ? `${(millis / 1000).toFixed(1)} s` : `${Math.round(millis / 1000)} s`;
}

/** A time to wait, from milliseconds, in its two largest units. */
export function untilWords(millis) {
  const left = Math.max(1, Math.ceil(millis / 1000));
  const [days, hours, minutes, rest] = [Math.floor(left / 86_400), Math.floor(left / 3600) % 24, Math.floor(left / 60) % 60, left % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${rest} s` : `${rest} s`;
}

/** What a usage costs by a model's prices, in micro-USD, rounded up as the ledger does. */
export function cost(prices, usage) {
  const read = usage.prompt_tokens_details?.cached_tokens ?? 0;
  const total = (usage.prompt_tokens - read) * prices.input + usage.completion_tokens * prices.output + read * (prices.cached_input ?? prices.input);
  return Math.ceil(total / 1e6);
}

/** Which part of a list a day belongs to. */
export function age(epochSeconds, now = new Date()) {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const then = epochSeconds * 1000;
  if (then >= midnight) return "Today";
  if (then >= midnight - DAY) return "Yesterday";
  return then >= midnight - 7 * DAY ? "Last week" : "Earlier";
}
