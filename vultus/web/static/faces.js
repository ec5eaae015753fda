// The boxes over a photo choose the faces under it, and say what is chosen; 1 to 9 do too.
import { onKeys } from "./keys.js";

const boxes = [...document.querySelectorAll("[data-face]")];
const control = (box) => document.getElementById(box.dataset.face);
const say = () => boxes.forEach((box) => box.classList.toggle("on", control(box).checked));

if (boxes.length && control(boxes[0])) {
  boxes.forEach((box) => {
    box.addEventListener("click", () => control(box).click());
    control(box).addEventListener("change", say);
  });
  addEventListener("pageshow", say);
  const pick = (n) => {
    const input = document.getElementById(`f${n}`);
    if (!input || input.disabled) return false;
    input.click();
    input.focus();
    return true;
  };
  onKeys(Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => [n, () => pick(n)])));
}
