// Calls one model of a server by TensorFlow Serving's REST API.

import { decoded, parse, plainName } from "./strings.js";

export class Server {
  /** Takes the query of the page's address: server, model, version, label. */
  constructor(search) {
    const query = new URLSearchParams(search);
    let server = query.get("server") || location.origin;
    if (!/^[a-z]+:\/\//i.test(server)) server = `http://${server}`;
    const url = new URL(server);
    if (!/^https?:$/.test(url.protocol)) {
      throw new Error(`${server} is not the address of a server.`);
    }
    this.base = url.origin + url.pathname.replace(/\/+$/, "");
    this.host = url.host;
    this.isElsewhere = url.origin !== location.origin;
    this.model = query.get("model") || "realm";
    this.path = `/v1/models/${encodeURIComponent(this.model)}`;
    for (const kind of ["version", "label"]) {
      const value = query.get(kind);
      if (value) this.path += `/${kind}s/${encodeURIComponent(value)}`;
    }
  }

  /** Returns the model's version and its signatures by name. */
  async readMetadata(signal) {
    const reply = await this.call("/metadata", null, signal);
    return {
      version: reply.model_spec.version,
      signatures: reply.metadata.signature_def.signature_def,
    };
  }

  /** Runs a signature on one text; returns its outputs by their plain names. */
  async predict(signature, input, text, signal) {
    const body = { signature_name: signature, inputs: { [input]: [text] } };
    const reply = await this.call(":predict", body, signal);
    return Object.fromEntries(
      Object.entries(reply.outputs).map(([name, batch]) => [
        plainName(name),
        decoded(batch)[0],
      ])
    );
  }

  /** Sends a request; the message of an Error says what failed. */
  async call(path, body, signal) {
    const post = {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    };
    let response;
    let reply;
    try {
      const url = this.base + this.path + path;
      response = await fetch(url, { signal, ...(body && post) });
      reply = await response.text();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw new Error(this.absence());
    }
    let parsed = null;
    try {
      parsed = parse(reply);
    } catch (error) {
      // Not JSON: what that means depends on the status.
    }
    if (!response.ok) throw new Error(refusal(response, parsed));
    if (parsed === null) {
      throw new Error(`${this.base} is not a TensorFlow Serving server.`);
    }
    return parsed;
  }

  absence() {
    const question = this.isElsewhere
      ? ", and does it allow other pages (--rest_api_enable_cors_support)?"
      : "?";
    return `${this.base} cannot be reached. Is the server running${question}`;
  }
}

function refusal(response, parsed) {
  const says = parsed?.error || response.statusText || "no reason given";
  if (response.status === 429 || response.status === 503) {
    return `The server is busy, or not ready yet: ${says}`;
  }
  return `The server says (${response.status}): ${says}`;
}
