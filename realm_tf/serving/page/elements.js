// Elements of the page. All text comes into them as text nodes, never as HTML.

/** Returns an element; strings among the children become text nodes. */
export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Returns a probability in percent, small ones with one more digit. */
export function percent(probability) {
  if (probability > 0 && probability < 0.001) return "< 0.1%";
  if (probability === 0 || probability === 1) return `${100 * probability}%`;
  const digits = probability < 0.1 || probability > 0.99 ? 1 : 0;
  return `${(100 * probability).toFixed(digits)}%`;
}

/** Returns a score with two digits; NaN and infinity come as null. */
export function fixed(score) {
  return score === null ? "–" : score.toFixed(2);
}

/** Returns a bar with its value beside it, and a name before it if given. */
export function measure(fraction, value, { name = null, second = false } = {}) {
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
