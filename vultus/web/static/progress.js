// While a form works, its button says what is done and for how many seconds.
document.querySelectorAll("form[data-working]").forEach((form) => {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    const button = event.submitter ?? form.querySelector("button");
    const label = button.textContent;
    const start = Date.now();
    const say = () => {
      const seconds = Math.floor((Date.now() - start) / 1000);
      button.textContent = seconds ? `${form.dataset.working} · ${seconds} s` : form.dataset.working;
    };
    // After the browser has taken the form's values: a disabled button sends none of its own.
    setTimeout(() => { button.setAttribute("aria-busy", "true"); button.disabled = true; say(); });
    const timer = setInterval(say, 1000);
    addEventListener("pageshow", () => {
      clearInterval(timer);
      button.textContent = label;
      button.disabled = false;
      button.removeAttribute("aria-busy");
      delete form.dataset.sent;
    }, { once: true });
  });
});
