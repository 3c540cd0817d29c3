"use strict";
// Pictures that carry their own labels. Each is a table or stands beside one; what is told is in the data, only its place is worked out here.

/** A square a requirement: colour, sign and, for a screen reader, words say whether it is met; its title says why it is not. `said`: in which words. */
function squares(rows, said = MET) {
  return el("ul", { class: "squares" }, rows.map(({ name, full, is_met, reason }) => {
    const [tone, word] = said[is_met] || VERDICTS.not_evaluable;
    return el("li", { class: tone, title: [full, word.slice(2), reason].filter(has).join("：") }, el("span", { "aria-hidden": "true" }, (is_met ? "" : word[0]) + name), el("span", { class: "unseen" }, `${full}：${word.slice(2)}`));
  }));
}

/** A value in percent of its standard, as the mart writes it, with its tone. */
function attained(v) {
  if (!has(v.percent_zh)) return ["none", "？缺"];
  const [tone, sign] = v.is_met ? ["yes", "✓"] : v.is_floor_met ? ["mid", "△"] : ["no", "✗"];
  return [tone, sign + v.percent_zh];
}

/** A coefficient with its tone: what judges nothing, as where a school is missing, is neither within its limit nor over it. */
function coefficient(row) {
  const [tone, word] = WITHIN[row.is_met] || VERDICTS.not_evaluable;
  return [tone, word[0] + (has(row.difference_coefficient) ? fixed(row.difference_coefficient, row.rounding_flips ? 4 : 3) : "")];
}

/** A table whose cells are coloured, whole on a phone too; what is beyond the first rows is shown when asked for, and where everything is printed. */
function heatMap(title, file, columns, rows, foot, empty) {
  const made = table(title, file, columns, rows, empty, "h3", foot);
  made.classList.add("heat", "kept");
  for (const head of made.querySelectorAll("thead th:not(:first-child)")) head.replaceChildren(head.textContent.slice(0, -2), el("wbr"), head.textContent.slice(-2));
  const beyond = [...made.querySelectorAll("tbody tr")].slice(SHOWN);
  if (beyond.length < 3) return made;
  for (const line of beyond) line.classList.add("beyond");
  made.append(el("button", { type: "button", class: "more", onclick: (event) => {
    for (const line of beyond) line.classList.remove("beyond");
    event.target.remove();
  } }, `再列出其余${beyond.length}行`));
  return made;
}
const SHOWN = 12;

/** A dot a school on the scale 0 to top, in percent of the standard: thick line 100 %, dashed the floor, ▼ the mean of the county; the lowest that fails is named. */
function strip(values, mean, top, named) {
  const at = (x) => `${Math.min(100, (100 * x) / top)}%`;
  const known = values.filter((v) => has(v.percent_of_threshold)).sort((a, b) => b.percent_of_threshold - a.percent_of_threshold);
  const chart = svg("svg", { class: "chart strip", "aria-hidden": "true", focusable: "false" });
  chart.append(svg("line", { class: "scale", x1: 0, x2: "100%", y1: 14, y2: 14 }));
  if (!known.length) return chart;
  chart.append(svg("line", { class: "floor", x1: at((100 * known[0].floor_value) / known[0].threshold), x2: at((100 * known[0].floor_value) / known[0].threshold), y1: 2, y2: 26 }));
  chart.append(svg("line", { class: "mark", x1: at(100), x2: at(100), y1: 2, y2: 26 }));
  for (const v of known) chart.append(svg("circle", { class: `dot ${attained(v)[0]}`, cx: at(v.percent_of_threshold), cy: 14, r: 4.5 }));
  if (has(mean)) chart.append(svg("text", { class: "mean", x: at((100 * mean) / known[0].threshold), y: 8 }, "▼"));
  const lowest = known[known.length - 1];
  if (!lowest.is_met) chart.append(svg("text", { class: "named", x: at(lowest.percent_of_threshold), y: 34, "text-anchor": lowest.percent_of_threshold > top / 2 ? "end" : "start" }, named(lowest.school_id)));
  return chart;
}

/** How many rows have each status, as a bar. */
function statusBar(rows) {
  const counts = Object.keys(STATUSES).map((status) => [STATUSES[status], rows.filter((row) => row.status === status).length]).filter(([, count]) => count);
  return el("ul", { class: "stack" }, counts.map(([[tone, word], count]) => el("li", { class: tone, style: `flex-grow: ${count}` }, `${word} ${count}`)));
}

/** A step of a waterfall: from where the costs before it end, on the scale of all of them. */
function waterfall(before, cost, all) {
  const at = (x) => `${(100 * x) / all}%`;
  return svg("svg", { class: "chart", "aria-hidden": "true", focusable: "false" },
    svg("line", { class: "scale", x1: 0, x2: "100%", y1: 19, y2: 19 }), svg("rect", { class: "ok", x: at(before), y: 4, height: 12, width: at(Math.max(cost, all / 200)) }));
}
