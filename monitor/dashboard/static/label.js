// One key per answer; the same buttons work without this script.
"use strict";

let sent = false;

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") sent = false; // It stops an answer that is on its way.
  const typing = event.target.matches("input, textarea, select");
  if (typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toLowerCase();
  const button = [...document.querySelectorAll("button[data-key]")].find(
    (one) => one.dataset.key === key,
  );
  if (!button || sent) return;
  event.preventDefault();
  button.click();
});

// A second answer must not go out before the first one's page has gone.
document.addEventListener("submit", (event) => {
  if (sent) event.preventDefault();
  sent = event.submitter?.name === "choice";
});
window.addEventListener("pageshow", () => {
  sent = false;
});
