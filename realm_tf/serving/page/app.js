// Asks a model by TensorFlow Serving's REST API. The address says which one:
// ?server=http://host:8501&model=realm, with &version=2 or &label=canary. What
// is asked stands behind the #, so that each state has a link.
//
// All text of the model comes into the page as text nodes, never as HTML.

"use strict";

const TIMEOUT = 60000; // milliseconds

const MODES = [
  {
    id: "answer",
    name: "Answer",
    verb: "Ask",
    label: "Question",
    placeholder: "Ask a question",
    hint: "The answer comes with the passage in which it was read.",
    signatures: ["answer", "serving_default"],
    input: "question",
    output: "answer",
    show: showAnswer,
  },
  {
    id: "retrieve",
    name: "Passages",
    verb: "Search",
    label: "Question",
    placeholder: "Find passages for a question",
    hint: "What the retriever finds, before anything is read.",
    signatures: ["retrieve"],
    input: "question",
    output: "score",
    show: showRetrieved,
  },
  {
    id: "fill",
    name: "Fill in",
    verb: "Fill in",
    label: "Sentence with [MASK]",
    placeholder: "The capital of Norway is [MASK].",
    hint: "Each [MASK] stands for one token.",
    signatures: ["fill_mask", "serving_default"],
    input: "text",
    output: "token",
    show: showFilled,
  },
];

const $ = (id) => document.getElementById(id);
const form = $("form");
const text = $("text");
const result = $("result");

let target = null; // where the model is served
let modes = []; // those that it has, each with its signature
let mode = null;
let pending = null; // the AbortController of the request under way

// --- Elements ---------------------------------------------------------------

/** Returns an element; strings among the children become text nodes. */
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null));
  return element;
}

function percent(probability) {
  if (probability > 0 && probability < 0.001) return "< 0.1%";
  const digits = probability < 0.1 || probability > 0.99 ? 1 : 0;
  return `${(100 * probability).toFixed(probability === 1 ? 0 : digits)}%`;
}

const fixed = (number) => (number === null ? "–" : number.toFixed(2));

/** Returns a bar with its value beside it, and a name before it if given. */
function measure(fraction, value, { name = null, second = false } = {}) {
  const fill = make("span");
  fill.style.width = `${100 * Math.min(1, Math.max(0, fraction || 0))}%`;
  const bar = make("span", second ? "bar second" : "bar", fill);
  bar.setAttribute("aria-hidden", "true");
  return make(
    "span",
    "measure",
    name === null ? null : make("span", "name", name),
    bar,
    make("span", "value", value)
  );
}

// --- Bytes ------------------------------------------------------------------

/** Cuts a text at byte offsets of its UTF-8, never within a character. */
function cut(string, start, limit) {
  const bytes = new TextEncoder().encode(string);
  const inside = (place) => (bytes[place] & 0xc0) === 0x80;
  while (inside(start)) start--;
  while (inside(limit)) limit++;
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const decode = (from, to) => decoder.decode(bytes.subarray(from, to));
  return [decode(0, start), decode(start, limit), decode(limit)];
}

function fromBase64(encoded) {
  const bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

/** Replaces each {"b64": ...} in nested lists by the text that it encodes. */
function decoded(value) {
  if (Array.isArray(value)) return value.map(decoded);
  const isEncoded = value !== null && typeof value === "object";
  return isEncoded ? fromBase64(value.b64) : value;
}

/** TensorFlow Serving sends binary strings as NAME_bytes, in base64. */
const plainName = (name) => name.replace(/_bytes$/, "");

// --- The server -------------------------------------------------------------

/** Reads from the address which model is asked. */
function readTarget() {
  const query = new URLSearchParams(location.search);
  let server = query.get("server") || "";
  if (server && !/^[a-z]+:\/\//i.test(server)) server = `http://${server}`;
  const url = new URL(server || location.origin);
  if (!/^https?:$/.test(url.protocol)) {
    throw new Error(`${server} is no address of a server`);
  }
  const base = server
    ? url.origin + url.pathname.replace(/\/+$/, "")
    : url.origin;
  const model = query.get("model") || "realm";
  let path = `/v1/models/${encodeURIComponent(model)}`;
  for (const kind of ["version", "label"]) {
    const value = query.get(kind);
    if (value) path += `/${kind}s/${encodeURIComponent(value)}`;
  }
  const elsewhere = base !== location.origin;
  return { model, url: base + path, base, elsewhere };
}

/** JSON as TensorFlow Serving writes it, which has NaN and Infinity. */
function parse(body) {
  const bare = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity|inf|nan)\b/g;
  return JSON.parse(body.replace(bare, (m) => (m[0] === '"' ? m : "null")));
}

/** Calls the server; an Error's message says what failed. */
async function call(path, body, signal) {
  let response;
  let reply;
  try {
    response = await fetch(target.url + path, {
      signal,
      ...(body && {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      }),
    });
    reply = await response.text();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new Error(
      `${target.base} cannot be reached. Is the server running` +
        (target.elsewhere
          ? ", and does it allow other pages (--rest_api_enable_cors_support)?"
          : "?")
    );
  }
  let parsed;
  try {
    parsed = parse(reply);
  } catch (error) {
    parsed = null;
  }
  if (!response.ok) {
    const says = (parsed && parsed.error) || response.statusText || "no reason";
    if (response.status === 429 || response.status === 503) {
      throw new Error(`The server is busy, or not ready yet: ${says}`);
    }
    throw new Error(`The server says (${response.status}): ${says}`);
  }
  if (parsed === null) {
    throw new Error(`${target.base} does not reply as TensorFlow Serving does.`);
  }
  return parsed;
}

/** Returns the modes that the model's signatures allow. */
function findModes(metadata) {
  const signatures = metadata.metadata.signature_def.signature_def;
  const has = (tensors, name) => Object.keys(tensors).map(plainName).includes(name);
  const found = [];
  for (const one of MODES) {
    const signature = one.signatures.find((name) => {
      const { inputs = {}, outputs = {} } = signatures[name] || {};
      return has(inputs, one.input) && has(outputs, one.output);
    });
    if (signature) {
      const inputs = Object.keys(signatures[signature].inputs);
      const key = inputs.find((name) => plainName(name) === one.input);
      found.push({ ...one, signature, key });
    }
  }
  return found;
}

/** Runs a mode's signature on one text; returns its outputs by name. */
async function predict(one, question, signal) {
  const reply = await call(
    ":predict",
    { signature_name: one.signature, inputs: { [one.key]: [question] } },
    signal
  );
  const outputs = {};
  for (const [name, value] of Object.entries(reply.outputs)) {
    outputs[plainName(name)] = decoded(value)[0];
  }
  return outputs;
}

// --- What is shown ----------------------------------------------------------

/** Returns a passage; `marked` are the byte offsets of the answer in it. */
function passage(outputs, place, { marked = null, scores = [] } = {}) {
  const id = outputs.passage_id[place];
  const title = outputs.title ? outputs.title[place] : "";
  const body = outputs.passage ? outputs.passage[place] : null;
  const quote = make("blockquote");
  if (body && marked) {
    const [before, answer, after] = cut(body, ...marked);
    quote.append(before, make("mark", "", answer), after);
  } else if (body) {
    quote.append(body);
  }
  const facts = [id === "" ? null : `Passage ${id}`, ...scores];
  return make(
    "figure",
    "evidence",
    make("figcaption", "", title || (id === "" ? "No passage" : `Passage ${id}`)),
    body ? quote : null,
    make("p", "facts muted", facts.filter(Boolean).join(" · "))
  );
}

function answerEvidence(outputs, place) {
  const start = outputs.answer_byte_start[place];
  const limit = outputs.answer_byte_limit[place];
  return passage(outputs, place, {
    marked: [start, limit],
    scores: [
      `retriever ${fixed(outputs.retriever_score[place])}`,
      `reader ${fixed(outputs.reader_score[place])}`,
    ],
  });
}

function showAnswer(outputs) {
  const places = outputs.answer.map((_, place) => place);
  const [best, ...others] = places.filter((place) => outputs.answer[place]);
  if (best === undefined) {
    result.append(make("p", "note", "The model found no answer."));
    return "The model found no answer.";
  }
  const answer = outputs.answer[best];
  const probability = percent(outputs.probability[best]);
  if (outputs.abstain) {
    const note = "The model is not sure enough to answer. Its best guess:";
    result.append(make("p", "note", note));
  }
  result.append(
    make("h2", "best", answer),
    measure(outputs.probability[best], probability),
    answerEvidence(outputs, best)
  );
  if (others.length) {
    result.append(
      make("h3", "", "Other candidates"),
      make("ol", "candidates", ...others.map((place) => candidate(outputs, place)))
    );
  }
  const guess = outputs.abstain ? "Not sure. Best guess" : "Answer";
  return `${guess}: ${answer}, ${probability}. Other candidates: ${others.length}.`;
}

function candidate(outputs, place) {
  const probability = outputs.probability[place];
  const summary = make(
    "summary",
    "",
    make("span", "answer", outputs.answer[place]),
    measure(probability, percent(probability))
  );
  const details = make("details", "", summary, answerEvidence(outputs, place));
  return make("li", "", details);
}

function showRetrieved(outputs) {
  const scores = outputs.score;
  const places = scores
    .map((_, place) => place)
    .filter((place) => outputs.passage_id[place] !== "");
  const lowest = Math.min(0, ...places.map((place) => scores[place]));
  const range = Math.max(...places.map((place) => scores[place])) - lowest;
  const items = places.map((place) => {
    const figure = passage(outputs, place);
    const share = range > 0 ? (scores[place] - lowest) / range : 1;
    figure.append(
      make("div", "measures", measure(share, fixed(scores[place]), { name: "Score" }))
    );
    return make("li", "", figure);
  });
  if (!items.length) {
    result.append(make("p", "note", "The retriever found no passage."));
  }
  result.append(make("ol", "passages", ...items));
  return `Passages: ${items.length}.`;
}

function showFilled(outputs, question) {
  const masks = outputs.token.filter((tokens) => tokens[0]);
  const sentence = make("p", "filled");
  question.split("[MASK]").forEach((part, place) => {
    if (place > 0) {
      const tokens = masks[place - 1];
      sentence.append(make("mark", "", tokens ? tokens[0] : "[MASK]"));
    }
    sentence.append(part);
  });
  result.append(sentence);
  masks.forEach((_, place) => {
    const name = masks.length > 1 ? `Token ${place + 1}` : "Token";
    result.append(maskTable(outputs, place, name));
  });
  const list = outputs.passage_id
    .map((_, place) => place)
    .filter((place) => place === 0 || outputs.passage_id[place] !== "")
    .map((place) => {
      const prior = outputs.prior[place];
      const posterior = outputs.posterior[place];
      const figure = passage(outputs, place);
      figure.append(
        make(
          "div",
          "measures",
          measure(prior, percent(prior), { name: "Prior", second: true }),
          measure(posterior, percent(posterior), { name: "Posterior" })
        )
      );
      return make("li", "", figure);
    });
  result.append(
    make("h3", "", "How much each passage speaks for these tokens"),
    make("ol", "passages", ...list)
  );
  return `Filled in: ${masks.map((tokens) => tokens[0]).join(", ")}.`;
}

/** Returns the tokens of one mask, with and without retrieval. */
function maskTable(outputs, mask, name) {
  const zip = (tokens, probabilities) =>
    new Map(
      tokens.map((token, i) => [token, probabilities[i]]).filter(([t]) => t)
    );
  const withRetrieval = zip(outputs.token[mask], outputs.probability[mask]);
  const without = zip(
    outputs.token_without_retrieval[mask],
    outputs.probability_without_retrieval[mask]
  );
  const cell = (values, token, second) =>
    make(
      "td",
      "",
      values.has(token)
        ? measure(values.get(token), percent(values.get(token)), { second })
        : make("span", "muted", "lower")
    );
  const rows = [...new Set([...withRetrieval.keys(), ...without.keys()])].map(
    (token) => {
      const head = make("th", "", token);
      head.scope = "row";
      const cells = [cell(withRetrieval, token, false), cell(without, token, true)];
      return make("tr", "", head, ...cells);
    }
  );
  const heads = [name, "With passages", "Without"].map((title) => {
    const head = make("th", "", title);
    head.scope = "col";
    return head;
  });
  const table = make(
    "table",
    "",
    make("thead", "", make("tr", "", ...heads)),
    make("tbody", "", ...rows)
  );
  return make("div", "tokens", table);
}

// --- Asking -----------------------------------------------------------------

function showError(message, retry) {
  const button = make("button", "retry", "Try again");
  button.type = "button";
  button.addEventListener("click", retry);
  $("error").replaceChildren(make("p", "", message), button);
}

function clear() {
  $("error").replaceChildren();
  result.replaceChildren();
  $("status").textContent = "";
}

/** Runs work that can be stopped; shows what fails, with a way to repeat it. */
async function run(work, retry) {
  if (pending) pending.abort(new Error("another request"));
  const controller = new AbortController();
  pending = controller;
  const timer = setTimeout(
    () => controller.abort(new Error("The server did not reply in a minute.")),
    TIMEOUT
  );
  result.setAttribute("aria-busy", "true");
  $("error").replaceChildren();
  $("status").textContent = "Waiting for the server.";
  try {
    await work(controller.signal);
  } catch (error) {
    if (pending === controller) {
      clear();
      showError(error.message, retry);
    }
  } finally {
    clearTimeout(timer);
    if (pending === controller) {
      pending = null;
      result.removeAttribute("aria-busy");
    }
  }
}

async function ask() {
  const asked = mode;
  const question = text.value.trim();
  if (!asked || !question) return;
  if (asked.id === "fill" && !question.includes("[MASK]")) {
    clear();
    $("hint").textContent = "Write [MASK] where a token is to be filled in.";
    $("status").textContent = $("hint").textContent;
    text.focus();
    return;
  }
  $("hint").textContent = "";
  remember(question);
  document.title = `${question} · REALM`;
  await run(async (signal) => {
    const outputs = await predict(asked, question, signal);
    clear();
    $("status").textContent = asked.show(outputs, question);
    const link = make("a", "", "Link to this result");
    link.href = location.hash;
    result.append(make("p", "link muted", link));
  }, ask);
}

// --- State ------------------------------------------------------------------

/** Puts what is asked into the address. */
function remember(question) {
  const state = new URLSearchParams({ mode: mode.id, q: question });
  const hash = question ? `#${state}` : "";
  if (location.hash !== hash) {
    history.pushState(null, "", location.pathname + location.search + hash);
  }
}

/** Takes what is asked from the address. */
function restore() {
  const state = new URLSearchParams(location.hash.slice(1));
  setMode(modes.find((one) => one.id === state.get("mode")) || modes[0]);
  text.value = state.get("q") || "";
  resize();
  clear();
  if (text.value) {
    ask();
  } else {
    document.title = "Ask · REALM";
  }
}

function setMode(one) {
  mode = one;
  $("label").textContent = one.label;
  $("hint").textContent = one.hint;
  $("submit").textContent = one.verb;
  $("insert").hidden = one.id !== "fill";
  text.placeholder = one.placeholder;
  $(`mode-${one.id}`).checked = true;
}

function showModes() {
  const choices = modes.map((one) => {
    const input = make("input");
    input.type = "radio";
    input.name = "mode";
    input.id = `mode-${one.id}`;
    input.addEventListener("change", () => {
      setMode(one);
      clear();
      ask();
    });
    const label = make("label", "", input, one.name);
    label.dataset.name = one.name;
    return label;
  });
  $("modes").append(...choices);
  $("modes").hidden = modes.length < 2;
}

// --- Keyboard ---------------------------------------------------------------

function resize() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
}

function onKey(event) {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/" && document.activeElement !== text) {
    event.preventDefault();
    text.focus();
    text.select();
  } else if (event.key === "Escape") {
    escape();
  } else if (event.key === "Enter" && event.target === text && !event.shiftKey) {
    event.preventDefault();
    form.requestSubmit();
  }
}

/** Stops what is under way; else clears the page. */
function escape() {
  if (pending && mode) {
    const stopped = pending;
    pending = null;
    stopped.abort(new Error("stopped"));
    result.removeAttribute("aria-busy");
    $("status").textContent = "Stopped.";
  } else if (mode) {
    text.value = "";
    remember("");
    restore();
  }
  text.focus();
}

// --- Start ------------------------------------------------------------------

function start() {
  run(async (signal) => {
    target = readTarget();
    const metadata = await call("/metadata", null, signal);
    modes = findModes(metadata);
    if (!modes.length) {
      throw new Error(
        `${target.model} is not a model that answers, retrieves or fills in.`
      );
    }
    const { version } = metadata.model_spec;
    $("model").textContent = [
      target.model,
      version ? `version ${version}` : "",
      target.elsewhere ? new URL(target.base).host : "",
    ]
      .filter(Boolean)
      .join(" · ");
    $("status").textContent = "";
    showModes();
    pending = null;
    result.removeAttribute("aria-busy");
    restore();
  }, start);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
$("insert").addEventListener("click", () => {
  text.setRangeText("[MASK]", text.selectionStart, text.selectionEnd, "end");
  text.focus();
  resize();
});
text.addEventListener("input", resize);
document.addEventListener("keydown", onKey);
window.addEventListener("popstate", () => modes.length && restore());
start();
