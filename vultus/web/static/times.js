// Times come in UTC and are shown in the reader's own zone.
const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "long", year: "numeric" });
const hour = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hour12: false });

document.querySelectorAll("time[data-local]").forEach((time) => {
  const moment = new Date(time.dateTime);
  time.title = time.textContent;
  time.textContent = `${day.format(moment)}, ${hour.format(moment)}`;
});
