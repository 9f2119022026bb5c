// A page that waits for a look at a directory asks every second, and stops when the answer is there.
(() => {
  const section = document.getElementById("directory-status");
  if (!section || !section.querySelector("[data-waits]")) return;

  const ask = async () => {
    try {
      const answer = await fetch(section.dataset.status, { credentials: "same-origin", redirect: "error" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      section.replaceChildren(...page.body.childNodes);
    } catch {
      // Offline for a moment: ask again.
    }
    if (section.querySelector("[data-waits]")) setTimeout(ask, 1000);
  };
  setTimeout(ask, 1000);
})();
