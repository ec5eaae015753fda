// Enhancements only: every page works without these files. No inline script, no inline style
// (styles are set through the CSSOM). One idea a file.
import "./drop.js";
import "./faces.js";
import "./menu.js";
import "./progress.js";
import "./times.js";
import "./walk.js";
import "./zoom.js";

document.documentElement.classList.add("js");
