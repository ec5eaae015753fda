// A photo is dropped anywhere on the page, pasted, or chosen; it is sent when Search is pressed.
const form = document.querySelector(".drop-form");

if (form) {
  const drop = form.querySelector(".drop");
  const input = form.querySelector("input[type=file]");
  const button = form.querySelector("button.primary");
  const preview = form.querySelector(".preview");
  const part = (name) => form.querySelector(`[data-${name}]`);
  const bytesMax = Number(form.dataset.bytesMax);
  let address = "";

  const show = () => {
    const file = input.files[0];
    if (address) URL.revokeObjectURL(address);
    address = "";
    const large = Boolean(file) && file.size > bytesMax;
    part("rest").hidden = Boolean(file);
    part("chosen").hidden = !file;
    part("chosen").textContent = file ? file.name : "";
    part("kinds").hidden = large;
    part("too-large").hidden = !large;
    part("not-photo").hidden = true;
    button.disabled = large;
    preview.hidden = true;
    if (file && !large) {
      address = URL.createObjectURL(file);
      preview.src = address;
      button.focus();
    }
  };
  preview.addEventListener("load", () => { preview.hidden = false; }); // a HEIC may not show here
  input.addEventListener("change", show);
  addEventListener("pageshow", show);

  const take = (files) => {
    const photo = [...files].find((file) => file.type.startsWith("image/") || /\.(heic|heif)$/i.test(file.name));
    part("not-photo").hidden = Boolean(photo) || !files.length;
    if (!photo) return;
    const one = new DataTransfer();
    one.items.add(photo);
    input.files = one.files;
    show();
  };

  let depth = 0;
  const over = (on) => drop.classList.toggle("over", on);
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => { if (holdsFiles(event)) { depth += 1; over(true); } });
  addEventListener("dragleave", (event) => { if (holdsFiles(event)) { depth -= 1; over(depth > 0); } });
  addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); });
  addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    depth = 0;
    over(false);
    take(event.dataTransfer.files);
  });
  addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) { event.preventDefault(); take(event.clipboardData.files); }
  });
}
