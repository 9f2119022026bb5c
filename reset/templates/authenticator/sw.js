{% load wizard %}// The authenticator's service worker: wakes the phone's owner when somebody asks. It keeps no copy of anything.
"use strict";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// A push message says that somebody asks, in the person's language, and nothing else: who it is, the page finds out.
self.addEventListener("push", (event) => {
  let told = {};
  try {
    told = event.data.json();
  } catch { /* somebody asks all the same */ }
  event.waitUntil((async () => {
    for (const page of await self.clients.matchAll({ type: "window" })) page.postMessage("asked");
    await self.registration.showNotification(told.title || self.location.host, {
      body: told.body || "", tag: "prompt", renotify: true, requireInteraction: true,
      icon: "{% asset 'authenticator/icon-192.png' %}",
    });
  })());
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil((async () => {
    const [page] = await self.clients.matchAll({ type: "window" });
    return page ? page.focus() : self.clients.openWindow("./");
  })());
});
