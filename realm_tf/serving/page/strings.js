// Strings as TensorFlow Serving sends them: bytes of UTF-8, maybe in base64.

/** Cuts a text at byte offsets of its UTF-8, never within a character. */
export function cut(string, start, limit) {
  const bytes = new TextEncoder().encode(string);
  const inside = (place) => (bytes[place] & 0xc0) === 0x80;
  while (inside(start)) start--;
  while (inside(limit)) limit++;
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const decode = (from, to) => decoder.decode(bytes.subarray(from, to));
  return [decode(0, start), decode(start, limit), decode(limit)];
}

/** Replaces each {"b64": ...} in nested lists by the text that it encodes. */
export function decoded(value) {
  if (Array.isArray(value)) return value.map(decoded);
  if (value === null || typeof value !== "object") return value;
  const bytes = Uint8Array.from(atob(value.b64), (c) => c.charCodeAt(0));
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Returns a tensor's name without the suffix that asks for base64. */
export function plainName(name) {
  return name.replace(/_bytes$/, "");
}

/** Parses JSON as TensorFlow Serving writes it; NaN and Infinity are null. */
export function parse(body) {
  const tokens = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;
  return JSON.parse(body.replace(tokens, (m) => (m[0] === '"' ? m : "null")));
}
