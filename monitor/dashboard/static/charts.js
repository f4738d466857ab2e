// Draws every chart of the page from the specification that stands beside it.
"use strict";

// `ast` makes Vega interpret expressions, so that the page can forbid eval.
const OPTIONS = {
  mode: "vega-lite",
  renderer: "svg",
  actions: false,
  ast: true,
  defaultStyle: false,
  tooltip: { disableDefaultStyle: true },
};

async function draw(script) {
  const place = document.getElementById(script.dataset.chart);
  try {
    await window.vegaEmbed(place, JSON.parse(script.textContent), OPTIONS);
    // The place has the name and the table the figures; the marks would be read out one by one.
    place.querySelector("svg").setAttribute("aria-hidden", "true");
    place.dataset.drawn = "yes";
  } catch (error) {
    place.textContent = "The chart could not be drawn. The table has the same figures.";
    throw error;
  }
}

document.documentElement.classList.add("scripted");
// The chart library comes after this script; the page is loaded when it is there.
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("script[data-chart]").forEach(draw);
});
