// What a model can be asked for, by the signatures that it has.

import { plainName } from "./strings.js";
import { showAnswer, showFilled, showRetrieved } from "./views.js";

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

/** Returns the modes that signatures allow, each with its own and its input. */
export function findModes(signatures) {
  const find = (tensors, name) =>
    Object.keys(tensors || {}).find((key) => plainName(key) === name);
  return MODES.flatMap((mode) => {
    for (const signature of mode.signatures) {
      const { inputs, outputs } = signatures[signature] || {};
      const key = find(inputs, mode.input);
      const fits = key && find(outputs, mode.output);
      if (fits) return [{ ...mode, signature, key }];
    }
    return [];
  });
}
