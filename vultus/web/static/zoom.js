// Both large faces zoom, move, blink and show their guides as one.
import { onKeys } from "./keys.js";

const frames = document.querySelector(".frames");
const views = [...document.querySelectorAll(".view")];
const origin = { x: 50, y: 46 };
const enlarged = () => !document.getElementById("z1").checked;
const press = (id) => document.getElementById(id)?.click();

const move = (x, y) => {
  origin.x = Math.min(100, Math.max(0, x));
  origin.y = Math.min(100, Math.max(0, y));
  frames.style.setProperty("--ox", `${origin.x}%`);
  frames.style.setProperty("--oy", `${origin.y}%`);
};

if (frames) {
  // Dragging moves the photo with the finger, so the origin goes the other way.
  views.forEach((view) => {
    view.addEventListener("pointerdown", (event) => view.setPointerCapture(event.pointerId));
    view.addEventListener("pointermove", (event) => {
      if (!event.buttons || !enlarged()) return;
      const box = view.getBoundingClientRect();
      move(origin.x - (event.movementX / box.width) * 100, origin.y - (event.movementY / box.height) * 100);
    });
    view.addEventListener("dblclick", () => press(enlarged() ? "z1" : "z2"));
  });
  const step = 5;
  onKeys({
    1: () => press("z1"),
    2: () => press("z2"),
    4: () => press("z4"),
    b: () => press("blink"),
    g: () => press("guides"),
    ArrowLeft: (event) => zoomed(event) && move(origin.x - step, origin.y),
    ArrowRight: (event) => zoomed(event) && move(origin.x + step, origin.y),
    ArrowUp: (event) => zoomed(event) && move(origin.x, origin.y - step),
    ArrowDown: (event) => zoomed(event) && move(origin.x, origin.y + step),
  });
}

// Arrows keep their own meaning among the zoom's radio buttons and while nothing is enlarged.
function zoomed(event) {
  return !event.target.matches("input") && enlarged();
}
