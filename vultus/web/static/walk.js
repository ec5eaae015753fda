// J and K walk the candidates, Space looks closer, B blinks, W and V show the whole photo.
import { go, onKeys } from "./keys.js";

const rows = [...document.querySelectorAll(".candidate")];
const page = document.querySelector("main").dataset;
let at = rows.findIndex((row) => `#${row.id}` === location.hash);

const blinks = () => document.querySelectorAll(".blinking").forEach((pair) => pair.classList.remove("blinking"));

const mark = (index) => {
  at = Math.min(rows.length - 1, Math.max(0, index));
  blinks();
  rows.forEach((row, i) => row.classList.toggle("here", i === at));
  rows[at].focus({ preventScroll: true });
  rows[at].scrollIntoView({ block: "nearest" });
  history.replaceState(history.state, "", `#${rows[at].id}`);
};

// The candidate laid over the probe, at the same eyes, and away again.
const blink = () => {
  if (at < 0) mark(0);
  const pair = rows[at].querySelector(".pair");
  if (pair.querySelectorAll("img").length < 2) return;
  if (!pair.querySelector(".over")) {
    const over = pair.querySelector("a img").cloneNode();
    over.className = "over";
    over.alt = "";
    over.loading = "eager";
    pair.append(over);
  }
  const on = !pair.classList.contains("blinking");
  blinks();
  pair.classList.toggle("blinking", on);
};

if (rows.length) {
  if (at >= 0) mark(at);
  rows.forEach((row, i) => row.addEventListener("focusin", () => { if (at !== i) at = i; }));
  onKeys({
    j: () => mark(at + 1),
    k: () => mark(at - 1),
    " ": () => at >= 0 && go(rows[at].dataset.closer),
    w: () => go(rows[Math.max(at, 0)].dataset.whole),
    v: () => go(rows[Math.max(at, 0)].dataset.whole),
    b: blink,
    Escape: () => { blinks(); return false; },
  });
} else if (page.back) {
  const closer = () => go(page.closer ?? page.back);
  const whole = () => go(page.whole ?? page.back);
  onKeys({
    j: () => go(page.next),
    k: () => go(page.previous),
    " ": closer,
    w: whole,
    v: whole,
    Escape: () => go(page.back),
  });
}
