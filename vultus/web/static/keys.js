// Single keys: off where a person types or a control wants the key, and off when switched off.
const STORE = "vultus-keys";
const dialog = document.querySelector("#keys");
const box = document.querySelector("#keys-on");

const stored = () => {
  try { return localStorage.getItem(STORE); } catch { return null; }
};
if (box) {
  box.checked = stored() !== "off";
  box.addEventListener("change", () => {
    try { localStorage.setItem(STORE, box.checked ? "on" : "off"); } catch { /* not kept */ }
  });
}

const typing = (element) =>
  element.matches("input:not([type=radio], [type=checkbox]), select, textarea, [contenteditable]");
const pressable = (element) => element.matches("a, button, summary, input, label");

// `actions`: key -> function. A function that returns false leaves the key to the browser.
export const onKeys = (actions) => addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (dialog?.open || typing(event.target)) return;
  if (box && !box.checked && event.key !== "Escape") return;
  if (event.key === " " && pressable(event.target)) return;
  const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (action && action(event) !== false) event.preventDefault();
});

const show = () => dialog?.showModal();
document.querySelectorAll("[data-keys]").forEach((button) => button.addEventListener("click", show));
// The list of keys opens even when single keys are off: they are switched on again there.
addEventListener("keydown", (event) => {
  if (event.key !== "?" || event.ctrlKey || event.metaKey || !dialog || dialog.open) return;
  if (typing(event.target)) return;
  event.preventDefault();
  show();
});

export const go = (address) => {
  if (!address) return false;
  location.assign(address);
  return true;
};
