// What this phone holds: one record for each account, with a key that was made here and that nothing can read out, not even
// this page. It lies in the browser's own database; losing that loses the phone, and a new one is registered.
const STORE = "phones";

const opened = new Promise((resolve, reject) => {
  const asked = indexedDB.open("rekey-authenticator", 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: "id", autoIncrement: true });
  asked.onsuccess = () => resolve(asked.result);
  asked.onerror = () => reject(asked.error);
});

async function inStore(mode, work) {
  const store = (await opened).transaction(STORE, mode).objectStore(STORE);
  return new Promise((resolve, reject) => {
    const asked = work(store);
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

export const all = () => inStore("readonly", (store) => store.getAll());
export const forget = (record) => inStore("readwrite", (store) => store.delete(record.id));

// Returns the record with its id. The key itself is kept, not its bytes: those never exist outside of the browser's crypto.
export async function keep(record) {
  record.id = await inStore("readwrite", (store) => store.put(record));
  return record;
}

export const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const KIND = { name: "ECDSA", namedCurve: "P-256" };

export async function make() {
  const pair = await crypto.subtle.generateKey(KIND, false, ["sign"]);
  return { privateKey: pair.privateKey, key: base64url(await crypto.subtle.exportKey("spki", pair.publicKey)) };
}

export async function sign(record, text) {
  const how = { name: "ECDSA", hash: "SHA-256" };
  return base64url(await crypto.subtle.sign(how, record.privateKey, new TextEncoder().encode(text)));
}
