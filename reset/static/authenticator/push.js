// Being woken: the service worker, and a push subscription where the browser grants one. Everything works without.
import { call } from "./calls.js";
import * as keys from "./keys.js";

const { vapid, worker } = document.getElementById("authenticator").dataset;

export const isPossible = () =>
  Boolean(vapid) && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

export const isDecided = () => !isPossible() || Notification.permission !== "default";
export const isGranted = () => isPossible() && Notification.permission === "granted";

// The worker runs for this app's own addresses only. `onAsked` is called when a push message came in.
export async function register(onAsked) {
  if (!("serviceWorker" in navigator)) return;
  navigator.serviceWorker.addEventListener("message", onAsked);
  try {
    await navigator.serviceWorker.register(worker);
  } catch { /* a browser that forbids it: the app is opened by hand */ }
}

// Asks the browser (on a press of a button only), and tells the server for every account where to wake this phone.
// With `anew` the subscription held so far is given up: the push service called it gone.
export async function subscribe(records, anew = false) {
  if (!isPossible() || (await Notification.requestPermission()) !== "granted") return false;
  try {
    const { pushManager } = await navigator.serviceWorker.ready;
    const subscription = (await current(pushManager, anew)) ||
      (await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: vapid }));
    await tell(records, subscription.toJSON());
    return true;
  } catch {
    return false;
  }
}

// A subscription that belongs to an earlier key of the server would never be used again.
async function current(pushManager, anew) {
  const held = await pushManager.getSubscription();
  if (!held || (!anew && keys.base64url(held.options.applicationServerKey) === vapid)) return held;
  await held.unsubscribe();
  return null;
}

// Only what the server doesn't know yet is told.
async function tell(records, { endpoint, keys: secrets }) {
  for (const record of records.filter((one) => one.phone && one.endpoint !== endpoint)) {
    const answer = await call("subscription", record, { phone: record.phone, subscription: { endpoint, keys: secrets } });
    if (answer.kept) await keys.keep({ ...record, endpoint });
  }
}
