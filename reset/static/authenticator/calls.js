// Signed calls: what this phone says carries its purpose, the moment and a number used once, and is signed with its key.
// No cookie goes along. Each answer is an object; `error` says what was wrong: refused, often, offline.
import { base64url, sign } from "./keys.js";

const address = document.getElementById("authenticator").dataset.calls;
let apart = 0; // milliseconds between this phone's clock and the server's, once the server said that they differ

export async function call(purpose, record, content) {
  const answer = await once(purpose, record, content);
  if (answer.error !== "time") return answer;
  apart = answer.now - Date.now();
  return once(purpose, record, content);
}

async function once(purpose, record, content) {
  const nonce = base64url(crypto.getRandomValues(new Uint8Array(16)));
  const signed = JSON.stringify({ purpose, at: Date.now() + apart, nonce, ...content });
  const body = JSON.stringify({ signed, signature: await sign(record, signed) });
  try {
    const how = { method: "POST", body, credentials: "omit", headers: { "Content-Type": "application/json" } };
    return await (await fetch(`${address}${purpose}/`, how)).json();
  } catch {
    return { error: "offline" };
  }
}
