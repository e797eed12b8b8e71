// What is shown of a reply: nodes, and one sentence for screen readers.

import { fixed, make, measure, percent } from "./elements.js";
import { cut } from "./strings.js";

const LONGEST_FACT = 120; // characters of a passage's metadata

/** Returns the places of a list that pass. */
function places(list, passes) {
  return list.map((_, place) => place).filter(passes);
}

/** Returns what is known of a passage beside its text; old models say none. */
function metadata(outputs, place) {
  return JSON.parse(outputs.metadata?.[place] || "{}");
}

/** Returns an address of the web, or null for anything else. */
function webAddress(url) {
  if (typeof url !== "string" || !URL.canParse(url)) return null;
  const { href, protocol } = new URL(url);
  return /^https?:$/.test(protocol) ? href : null;
}

/** Returns a title, as a link to its source if there is one. */
function titleOf(title, href) {
  if (href === null) return title;
  const link = make("a", "", title);
  link.href = href;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return link;
}

/** Returns fields as text, without those that are shown already. */
function described(fields, hidden) {
  return Object.entries(fields)
    .filter(([name]) => name !== hidden)
    .map(([name, value]) => {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      const isLong = text.length > LONGEST_FACT;
      return `${name}: ${isLong ? `${text.slice(0, LONGEST_FACT)}…` : text}`;
    });
}

/** Returns a passage; `span` are the byte offsets of the answer in it. */
function passage(outputs, place, { span = null, scores = [] } = {}) {
  const id = outputs.passage_id[place];
  const body = outputs.passage?.[place];
  const fields = metadata(outputs, place);
  const href = webAddress(fields.url);
  const name = id === "" ? "" : `Passage ${id}`;
  const quote = make("blockquote");
  if (body && span) {
    const [before, answer, after] = cut(body, ...span);
    quote.append(before, make("mark", "", answer), after);
  } else if (body) {
    quote.append(body);
  }
  const title = outputs.title?.[place] || name || "No passage";
  const told = described(fields, href === null ? null : "url");
  const facts = [...told, name, ...scores].filter(Boolean).join(" · ");
  return make(
    "figure",
    "evidence",
    make("figcaption", "", titleOf(title, href)),
    body ? quote : null,
    facts ? make("p", "facts muted", facts) : null
  );
}

// --- Answers ----------------------------------------------------------------

function evidence(outputs, place) {
  return passage(outputs, place, {
    span: [outputs.answer_byte_start[place], outputs.answer_byte_limit[place]],
    scores: [
      `retriever ${fixed(outputs.retriever_score[place])}`,
      `reader ${fixed(outputs.reader_score[place])}`,
    ],
  });
}

function candidate(outputs, place) {
  const probability = outputs.probability[place];
  const summary = make(
    "summary",
    "",
    make("span", "answer", outputs.answer[place]),
    measure(probability, percent(probability))
  );
  return make("li", "", make("details", "", summary, evidence(outputs, place)));
}

export function showAnswer(outputs) {
  const { answer, probability, abstain } = outputs;
  const [best, ...others] = places(answer, (place) => answer[place] !== "");
  if (best === undefined) {
    const none = "The model found no answer.";
    return { nodes: [make("p", "note", none)], sentence: none };
  }
  const nodes = [];
  if (abstain) {
    const note = "The model is not sure enough to answer. Its best guess:";
    nodes.push(make("p", "note", note));
  }
  const sure = percent(probability[best]);
  nodes.push(
    make("h2", "best", answer[best]),
    measure(probability[best], sure),
    evidence(outputs, best)
  );
  if (others.length) {
    const items = others.map((place) => candidate(outputs, place));
    nodes.push(
      make("h3", "", "Other candidates"),
      make("ol", "candidates", ...items)
    );
  }
  const kind = abstain ? "Not sure. Best guess" : "Answer";
  const rest = `Other candidates: ${others.length}.`;
  return { nodes, sentence: `${kind}: ${answer[best]}, ${sure}. ${rest}` };
}

// --- Passages ---------------------------------------------------------------

function withMeasures(figure, ...measures) {
  figure.append(make("div", "measures", ...measures));
  return make("li", "", figure);
}

export function showRetrieved(outputs) {
  const { passage_id: ids, score } = outputs;
  const found = places(ids, (place) => ids[place] !== "");
  if (!found.length) {
    const none = "The retriever found no passage.";
    return { nodes: [make("p", "note", none)], sentence: none };
  }
  // Bars begin at 0, or at the lowest score where that is negative.
  const lowest = Math.min(0, ...found.map((place) => score[place]));
  const range = Math.max(...found.map((place) => score[place])) - lowest;
  const items = found.map((place) => {
    const share = range > 0 ? (score[place] - lowest) / range : 1;
    const bar = measure(share, fixed(score[place]), { name: "Score" });
    return withMeasures(passage(outputs, place), bar);
  });
  return {
    nodes: [make("ol", "passages", ...items)],
    sentence: `Passages: ${items.length}.`,
  };
}

// --- Masks ------------------------------------------------------------------

function filledSentence(question, best) {
  const sentence = make("p", "filled");
  question.split("[MASK]").forEach((part, place) => {
    const token = best[place - 1] || "[MASK]";
    if (place > 0) sentence.append(make("mark", "", token));
    sentence.append(part);
  });
  return sentence;
}

/** Returns the tokens of one mask, with and without retrieval. */
function maskTable(outputs, mask, name) {
  const byToken = (suffix) => {
    const probabilities = outputs[`probability${suffix}`][mask];
    const pairs = outputs[`token${suffix}`][mask].map((token, place) => [
      token,
      probabilities[place],
    ]);
    return new Map(pairs.filter(([token]) => token !== ""));
  };
  const columns = [byToken(""), byToken("_without_retrieval")];
  const tokens = new Set(columns.flatMap((column) => [...column.keys()]));
  const rows = [...tokens].map((token) => {
    const head = make("th", "", token);
    head.scope = "row";
    const cells = columns.map((column, place) => {
      const probability = column.get(token);
      const shown =
        probability === undefined
          ? make("span", "muted", "lower") // than those that are given
          : measure(probability, percent(probability), { second: place === 1 });
      return make("td", "", shown);
    });
    return make("tr", "", head, ...cells);
  });
  const heads = [name, "With passages", "Without"].map((title) => {
    const head = make("th", "", title);
    head.scope = "col";
    return head;
  });
  return make(
    "table",
    "",
    make("thead", "", make("tr", "", ...heads)),
    make("tbody", "", ...rows)
  );
}

export function showFilled(outputs, question) {
  const { token, passage_id: ids, prior, posterior } = outputs;
  const masks = places(token, (mask) => token[mask][0] !== "");
  const best = masks.map((mask) => token[mask][0]);
  const tables = masks.map((mask) =>
    maskTable(outputs, mask, masks.length > 1 ? `Token ${mask + 1}` : "Token")
  );
  // The first is the null passage, which has no id.
  const read = places(ids, (place) => place === 0 || ids[place] !== "");
  const items = read.map((place) =>
    withMeasures(
      passage(outputs, place),
      measure(prior[place], percent(prior[place]), {
        name: "Prior",
        second: true,
      }),
      measure(posterior[place], percent(posterior[place]), {
        name: "Posterior",
      })
    )
  );
  const left = question.split("[MASK]").length - 1 - masks.length;
  const unfilled = `${left} more [MASK] beyond what the model fills.`;
  return {
    nodes: [
      filledSentence(question, best),
      ...(left > 0 ? [make("p", "muted", unfilled)] : []),
      ...tables,
      make("h3", "", "How much each passage speaks for these tokens"),
      make("ol", "passages", ...items),
    ],
    sentence: `Filled in: ${best.join(", ")}.`,
  };
}
