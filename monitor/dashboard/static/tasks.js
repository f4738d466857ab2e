// Keeps the progress of running tasks up to date; a task that ended loads the page anew.
"use strict";

async function look() {
  const answer = await fetch("/tasks.json");
  if (!answer.ok) return;
  for (const task of await answer.json()) {
    const place = document.querySelector(`[data-task="${task.id}"]`);
    if (!place || place.dataset.status !== task.status) {
      location.reload();
      return;
    }
    const bar = place.querySelector("progress");
    if (bar && task.percent !== null) {
      bar.value = task.percent;
      place.querySelector("[data-stage]").textContent = task.stage || "starting";
    }
  }
}

setInterval(look, 2000);
