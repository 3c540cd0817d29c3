"use strict";
// The director's page. Data files call junheng.load; whatever comes from them reaches the page as text, never as markup.

// The words for the codes of the marts, as data/index.js has them: of a kind, by code, the word or, where it has a tone, [tone, sign and word].
const kinds = {};
const words = (kind) => (kinds[kind] ||= {});
const STAGES = words("stage"), CLASSES = words("urban_rural_class"), PARTS = words("part"), EXTRACTS = words("extract"), BOUND = words("bound");
const VERDICTS = words("verdict"), STATUSES = words("status"), MET = words("is_met"), VETOES = words("is_free_of_veto"), YES = words("yes_no"), SEVERITIES = words("severity");
const FILES = words("file_status"), FILINGS = words("filing"), NOTICES = words("notice"), TRANSFERS = words("transfer"), OUTLOOKS = words("outlook"), DIRECTIONS = words("direction"), ENTRANTS = words("entrants_basis"), HORIZONS = words("horizon"), LEVERS = words("lever"), LAYOUT_REASONS = words("layout_reason"), ACTIONS = words("action"), REASONS = words("reason_kind");
const WITHIN = words("within_limit"), STEADY = words("is_not_decreasing"), FIGURES = words("figure"), SOURCES = words("expenditure_source");

function learn(labels) {
  for (const { kind, code, label_zh, sign, tone } of labels) words(kind)[code] = tone ? [tone, `${sign} ${label_zh}`] : label_zh;
}

// ---- data files -------------------------------------------------------------------------------------------------

const loaded = new Map();
const asked = new Map();

window.junheng = Object.freeze({
  load(name, data) {
    for (const [key, value] of Object.entries(data)) {
      if (value && value.columns) data[key] = value.rows.map((row) => Object.fromEntries(value.columns.map((column, i) => [column, row[i]])));
    }
    if (name === "index") learn(data.labels);
    loaded.set(name, data);
  },
});

/** The tables of a data file, read once; rejects where the file is not there. Only the live file lies outside of the release. */
function read(name) {
  if (!asked.has(name)) {
    asked.set(name, new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = name === "live" ? "../../../live.js" : `data/${name.split("/").map(encodeURIComponent).join("/")}.js`;
      script.onload = () => (loaded.has(name) ? done(loaded.get(name)) : failed(new Error(`数据文件损坏：data/${name}.js`)));
      script.onerror = () => { asked.delete(name); failed(new Error(`缺少数据文件：data/${name}.js`)); };
      document.head.append(script);
    }));
  }
  return asked.get(name);
}

// ---- elements ---------------------------------------------------------------------------------------------------

/** An element; children that are no nodes become text, null and false become nothing. */
function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

function svg(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const badge = ([kind, text]) => el("span", { class: `badge ${kind}` }, text);
const verdict = (value) => badge(VERDICTS[value] || VERDICTS.not_evaluable);
const ruling = (value) => VERDICTS[value === true ? "met" : value === false ? "not_met" : "not_evaluable"];
const floored = (v) => (v.is_met !== false ? ruling(v.is_met) : v.is_floor_met ? ["no", `${VERDICTS.not_met[1]}，不低于下限${loose(v.floor_value)}`] : ["no", `✗ 低于下限${loose(v.floor_value)}`]);
const criterion = (row) => (row.part === "veto" ? VETOES : MET)[row.is_met] || (row.is_judged === false ? ["none", "· 不判定"] : VERDICTS.not_evaluable);
const flips = (row) => (row.rounding_flips ? el("div", { class: "soft" }, "四舍五入会改变判定，按未舍入的数判定") : null);
const link = (text, ...path) => el("a", { href: `#/${path.map(encodeURIComponent).join("/")}` }, text);
const has = (value) => value !== null && value !== undefined && !Number.isNaN(value);
const fixed = (value, decimals) => (has(value) ? value.toFixed(decimals) : "—");
const whole = (value) => (has(value) ? Math.round(value).toLocaleString("zh-CN") : "—");
const loose = (value) => (has(value) ? value.toLocaleString("zh-CN", { maximumFractionDigits: Math.abs(value) < 100 ? 3 : 2 }) : "—");
const inOrder = (a, b) => Object.keys(STAGES).indexOf(a.stage) - Object.keys(STAGES).indexOf(b.stage);
const year = (value) => (has(value) ? `${value}—${value + 1}学年` : "");

/** What is asked, in the words of the mart. */
const demand = (row) => row.demand_zh || "没有数字要求";

/** A bar from 0 with a mark at the limit and perhaps a second one, all on the scale 0 to top. */
function bar(value, limit, top, isBad, floor) {
  const at = (x) => `${(100 * x) / top}%`;
  const chart = svg("svg", { class: "chart", "aria-hidden": "true", focusable: "false" });
  chart.append(svg("line", { class: "axis", x1: 0, x2: 0, y1: 0, y2: 20 }));
  if (has(value)) chart.append(svg("rect", { class: isBad ? "over" : "ok", x: 0, y: 4, height: 12, width: at(Math.max(0, value)) }));
  if (has(floor)) chart.append(svg("line", { class: "floor", x1: at(floor), x2: at(floor), y1: 1, y2: 19 }));
  if (has(limit)) chart.append(svg("line", { class: "mark", x1: at(limit), x2: at(limit), y1: 0, y2: 20 }));
  return chart;
}

/** A line over the years of `rows` ({year, value, projected, low, high}) with the limit; drawn when the page stands, without motion and at twice its size, for print. */
function trend(rows, limit) {
  const canvas = el("canvas", { class: "trend", width: 250, height: 96, "aria-hidden": "true" });
  const style = getComputedStyle(document.documentElement), colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const line = (data, options) => ({ data, borderColor: colour("good"), borderWidth: 2, pointRadius: 0, ...options });
  const tick = { color: colour("soft"), font: { size: 10 }, maxRotation: 0 };
  requestAnimationFrame(() => setTimeout(() => new Chart(canvas, {
    type: "line",
    data: {
      labels: rows.map((r) => r.year),
      datasets: [
        line(rows.map(() => limit), { borderColor: colour("ink"), borderWidth: 1.5 }),
        line(rows.map((r) => r.low), { borderWidth: 0 }), line(rows.map((r) => r.high), { borderWidth: 0, fill: "-1", backgroundColor: `${colour("good")}33` }),
        line(rows.map((r) => r.value), { pointRadius: 3, pointBackgroundColor: colour("good") }),
        line(rows.map((r) => r.projected), { pointRadius: 3, pointBackgroundColor: colour("paper"), borderDash: [4, 3], borderWidth: 1.5 }),
      ],
    },
    options: {
      responsive: false, animation: false, events: [], devicePixelRatio: 2, plugins: { legend: { display: false }, tooltip: { enabled: false } },
      scales: { x: { grid: { display: false }, ticks: { ...tick, maxTicksLimit: 4 } }, y: { beginAtZero: true, grace: "10%", grid: { color: colour("faint") }, ticks: { ...tick, maxTicksLimit: 4 } } },
    },
  })));
  return canvas;
}

// ---- tables -----------------------------------------------------------------------------------------------------

/** A cell of a CSV: numbers as they are, text that a spreadsheet would read as a formula behind an apostrophe. */
function csvCell(value) {
  if (!has(value)) return "";
  if (typeof value === "number") return String(value);
  const text = /^[\s]*[=+\-@\t\r]/.test(String(value)) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function download(name, columns, rows) {
  columns = columns.filter((column) => column.csv);
  const lines = [columns.map((column) => column.head), ...rows.map((row) => columns.map((column) => column.csv(row)))];
  const text = "\ufeff" + lines.map((line) => line.map(csvCell).join(",") + "\r\n").join("");
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  el("a", { href: url, download: `${name}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
  document.getElementById("said").textContent = `已下载：${name}.csv`;
}

/** A column: its head, what it takes from a row for the CSV, how it is shown, and its class; `extra` stands in the CSV alone. */
const column = (head, csv, show = null, kind = "") => ({ head, csv, show: show || ((row) => (has(csv(row)) ? String(csv(row)) : "—")), kind });
const number = (head, csv, show) => column(head, csv, (row) => show(csv(row), row), "number");
const long = (head, csv, show = null) => column(head, csv, show, "text");
const extra = (head, csv) => ({ head, csv });
const of = (labels, value) => (labels[value] ? labels[value][1] : value);

const LONG = 10;

/** A titled table with its CSV, and a filter where it is long; the first column names the row. Without rows, the sentence that says so. */
function table(title, file, columns, rows, empty = "没有数据。", level = "h3", foot = null) {
  const head = el(level, {}, title);
  if (!rows.length) return el("section", { class: "table" }, el("div", { class: "tool" }, head), el("p", { class: "soft" }, empty));
  const shown = columns.filter((c) => c.show);
  const body = rows.map((row) => el("tr", {}, shown.map((c, i) => (
    i ? el("td", { class: typeof c.kind === "function" ? c.kind(row) : c.kind, "data-label": c.head }, c.show(row)) : el("th", { scope: "row", class: c.kind }, c.show(row))))));
  const filter = (event) => {
    const sought = event.target.value.trim().toLowerCase();
    for (const line of body) line.hidden = !line.textContent.toLowerCase().includes(sought);
    document.getElementById("said").textContent = `${rows.length}行中有${body.filter((line) => !line.hidden).length}行`;
  };
  return el("section", { class: "table" },
    el("div", { class: "tool" }, head,
      rows.length > LONG ? el("label", {}, "筛选 ", el("input", { type: "search", "aria-label": `筛选 ${title}`, oninput: filter })) : null,
      el("button", { type: "button", "aria-label": `下载 ${title} CSV`, onclick: () => download(file, columns, rows.filter((_, i) => !body[i].hidden)) }, "下载 CSV")),
    el("div", { class: "wide" }, el("table", { "aria-label": title },
      el("thead", {}, el("tr", {}, shown.map((c) => el("th", { scope: "col", class: typeof c.kind === "function" ? null : c.kind }, c.head)))), el("tbody", {}, body), foot && el("tfoot", {}, foot))));
}

/** A table behind its title, for what is long. */
function folded(title, file, columns, rows, empty) {
  if (!rows.length) return table(title, file, columns, rows, empty);
  return el("details", { class: "folded" }, el("summary", {}, el("h3", {}, `${title}（${rows.length}行）`)), table(title, file, columns, rows));
}

/** What is long and seldom asked for: read when its title is opened, not printed. `fill` gives its elements. */
function onDemand(title, fill) {
  const made = el("details", { class: "folded later", ontoggle: async () => {
    if (!made.open || made.dataset.filled) return;
    made.dataset.filled = "yes";
    try { made.append(...(await fill())); } catch (error) { made.append(el("p", {}, error.message)); }
  } }, el("summary", {}, el("h3", {}, title)));
  return made;
}

/** The cells of raw/ that figures come from: of the whole county, or of one school and stage by indicator. `ask` is the command that tells more. */
const sourceColumns = [
  column("文件", (r) => [r.source_file, r.sheet].filter(Boolean).join(" · ")), column("单元格", (r) => r.cell || "名册", null, "short"), long("原文", (r) => r.said || "（没有填）"),
];
const asking = (...words) => el("p", { class: "soft" }, "连同条款、算法和以前的学年：", el("code", {}, `junheng trace ${words.join(" ")}`));

async function countySources(name, region, county, schoolName) {
  const { files, cells } = await read(`sources/${region.region_id}/${county.county_code}`);
  const rows = cells.map((cell) => ({ ...cell, ...files[cell.file_no - 1] }));
  return [asking(county.county_code, county.school_year, "表Ⅲ 第2行 L8"), table("每个数出自哪一格", `${name}_出处`, [
    column("学校、乡镇或县", (r) => schoolName.get(r.entity_id) || r.entity_id), column("栏目", (r) => r.name_zh || EXTRACTS[r.extract]), ...sourceColumns,
  ], rows, "没有记下出处。")];
}

async function schoolSources(title, region, county, school, stage, label) {
  const [{ columns }, { files, cells }] = await Promise.all([read("sources"), read(`sources/${region.region_id}/${county.county_code}`)]);
  const mine = cells.filter((cell) => cell.entity_id === school.school_id);
  const used = columns.filter((c) => c.stage === stage).flatMap((c) => mine
    .filter((cell) => cell.extract === c.extract && cell.column_name === c.column_name && (!cell.stage || cell.stage === stage))
    .map((cell) => ({ ...c, ...files[cell.file_no - 1], cell: cell.cell, said: cell.said, column_zh: cell.name_zh || EXTRACTS[cell.extract] })));
  const filed = new Set(used.filter((r) => r.role === "add").map((r) => `${r.indicator_id} ${r.input_id}`));
  const rows = used.filter((r) => r.role !== "instead" || !filed.has(`${r.indicator_id} ${r.input_id}`));
  return [asking(school.school_id, county.school_year, STAGES[stage], "指标名称"), table(title, `${school.school_name}_${title}`, [
    column("指标", (r) => label(r.indicator_id)), column("栏目", (r) => r.column_zh), column("怎样用", (r) => r.role_zh, null, "short"), ...sourceColumns,
  ], rows, "没有记下出处。")];
}

/** The address of a workbook of the release. */
const paper = (file) => `../${file.split("/").map(encodeURIComponent).join("/")}`;

const tile = (title, said, ...shown) => el("section", { class: "tile" }, el("h2", { class: "plain" }, title), said ? el("p", {}, said) : null, shown);
const facts = (...pairs) => el("dl", { class: "facts" }, pairs.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));

/** Reasons as the mart gives them, one a line. */
function reasons(lines) {
  return el("ul", { class: "reasons" }, lines.map((line) => {
    const subject = (line.match(/^[^（：]+(?=：)/) || [""])[0];
    return el("li", {}, el("strong", {}, subject), line.slice(subject.length));
  }));
}

/** Reasons of a county behind their number, each kind under its name. */
function reasonsByKind(rows) {
  const kinds = [...new Set(rows.map((row) => row.kind))];
  return el("details", { class: "why" }, el("summary", {}, `原因（${rows.length}条）`), kinds.map((kind) => {
    const mine = rows.filter((row) => row.kind === kind);
    return [el("p", { class: "soft" }, `${REASONS[kind]}（${mine.length}条）`), reasons(mine.map((row) => row.reason))];
  }));
}

const unfolded = (made) => { made.open = true; return made; };

/** Sections behind their titles, each with a word on what it answers. */
const sections = (...parts) => parts.map(([title, answer, ...content]) => el("details", { class: "fold" },
  el("summary", {}, el("h2", {}, title), answer ? el("span", { class: "soft" }, answer) : null), content));

// ---- pages ------------------------------------------------------------------------------------------------------

function home(index) {
  const columns = [
    column("区域", (r) => r.region_name_zh || r.region_id, (r) => [link(r.region_name_zh || r.region_id, r.region_id, ...(r.only_county ? [r.only_county] : [])), r.is_synthetic ? " （合成数据）" : ""]),
    column("最新学年", (r) => year(r.school_year)), number("县数", (r) => r.counties, whole),
    ...Object.entries(VERDICTS).map(([code, [, word]]) => number(word, (r) => r[code], whole)),
  ];
  return ["区域", [el("h1", { tabindex: "-1" }, "各区域"), attention(), table("各区域最新学年的县域结论", "区域", columns, index.regions, "没有区域。", "h2")]];
}

/** The address of the glossary, which no region has for its id: those are plain letters. */
const TERMS = "名词解释";

function termsPage(index) {
  return [TERMS, [el("h1", { tabindex: "-1" }, TERMS), table("名词、意思和算法", TERMS, [
    column("名词", (r) => r.term_zh, (r) => el("span", { id: r.term_id }, r.term_zh)), long("意思", (r) => r.meaning_zh),
    long("怎样算", (r) => r.formula_zh, (r) => r.formula_zh || ""), column("出处", (r) => r.source_zh),
  ], index.terms, "没有名词。", "h2")]];
}

/** A term as a link to its explanation. */
const term = (word) => link(word, TERMS, word);

function regionPage(index, region, data) {
  const name = region.region_name_zh || region.region_id;
  const countyName = (r) => r.county_name_zh || r.county_code;
  const toCounty = (r) => link(countyName(r), region.region_id, r.county_code);
  const columns = [
    column("县", countyName, toCounty, "short"),
    column("结论", (r) => of(VERDICTS, r.verdict), (r) => verdict(r.verdict)),
    number("离达标还差", (r) => r.open_requirement_count, (v) => `${whole(v)}条`),
    column("资源配置", (r) => of(VERDICTS, r.resource_verdict), (r) => verdict(r.resource_verdict)),
    number("缺学校", (r) => r.missing_school_count, whole), number("在评学校", (r) => r.school_count, whole), number("其中未达标", (r) => r.failed_school_count, whole),
    number("无法判定学校", (r) => r.undecided_school_count, whole), number("差异系数超限", (r) => r.failed_coefficient_count, whole),
    number("政府保障达到", (r) => r.government_met_count, (v, r) => `${whole(v)}/${whole(r.government_item_count)}`), number("教育质量达到", (r) => r.quality_met_count, (v, r) => `${whole(v)}/${whole(r.quality_item_count)}`),
    long("照现在的步伐", (r) => r.pace_zh, (r) => r.pace_zh || "—"),
  ];
  const national = index.indicators.filter((i) => i.is_national);
  const heat = (stage) => {
    const rows = data.balance.filter((r) => r.stage === stage);
    const at = (county, i) => rows.find((r) => r.county_code === county.county_code && r.indicator_id === i.indicator_id) || {};
    return heatMap(`${STAGES[stage]}差异系数：县 × 指标`, `${name}_${STAGES[stage]}_差异系数`, [
      column("县", countyName, toCounty),
      ...national.map((i) => column(i.short_name_zh, (county) => at(county, i).difference_coefficient, (county) => coefficient(at(county, i))[1], (county) => coefficient(at(county, i))[0])),
    ], rows.length ? data.counties : [], null, `没有在评的${STAGES[stage]}。`);
  };
  const indicatorName = new Map(index.indicators.map((i) => [i.indicator_id, i]));
  const between = ["primary", "junior"].flatMap((stage) => national.flatMap((i) => data.between.filter((r) => r.stage === stage && r.indicator_id === i.indicator_id)));
  const betweenColumns = [
    column("指标", (r) => `${STAGES[r.stage]} · ${indicatorName.get(r.indicator_id).name_zh}`), number("县数", (r) => r.unit_count, whole),
    number("全区域均值", (r) => r.area_mean, (v, r) => fixed(v, 2) + (has(v) ? indicatorName.get(r.indicator_id).unit_zh || "" : "")),
    number("县与县之间的差异系数", (r) => r.difference_coefficient, (v) => fixed(v, 3)), number("最高与最低之比（P95/P5）", (r) => r.range_ratio, (v) => fixed(v, 2)),
    number("城乡比", (r) => r.urban_rural_ratio, (v) => fixed(v, 2)), number("达标学校", (r) => r.met_school_share, (v) => (has(v) ? `${fixed(100 * v, 1)}%` : "—")),
    long("不可比较的原因", (r) => r.null_reason, (r) => r.null_reason || ""),
  ];
  const changes = (loaded.get("release")?.changes || []).filter((r) => r.region_id === region.region_id);
  return [name, [
    el("h1", { tabindex: "-1" }, name, el("small", {}, year(region.school_year))),
    signed(region, data), attention(region.region_id),
    ...blocked(data),
    table("各县结论，离达标近的在前", `${name}_各县结论`, columns, data.counties, "没有县。", "h2"),
    el("h2", { class: "plain" }, "哪些县的哪一项", term("差异系数"), "超过", term("限值"), "（✓ 不超过　✗ 超过　？ 不可评估）"),
    el("div", { class: "pair" }, heat("primary"), heat("junior")),
    data.targets.length ? [el("h2", { class: "plain" }, `政策目标（${data.targets.length}项）`), statusBar(data.targets)] : null,
    ...sections(
      ["政策目标", `${data.documents.length}份文件`, ...targets(name, data, null)],
      ["县与县之间", "各县合计后比较，不是官方的判定", table("县与县之间的差距", `${name}_县与县之间`, betweenColumns, between, "只有一个县，或没有数据，不能比较。")],
      ["数据质量与来源", `${data.files.length}张来源表`, ...quality(name, data, null)],
      ["与上一版相比", changes.length ? `${whole(changes.length)}类变化` : "没有变化", table("有变化的数和原因", `${name}_与上一版相比`, [
        column("县", (r) => r.county_name_zh || r.county_code || "全区域", null, "short"), column("学年", (r) => r.school_year, (r) => year(r.school_year)),
        number("有变化的数", (r) => r.figures, whole), long("原因", (r) => r.cause_zh),
      ], changes, "与上一版相比，发布的数没有变化。")],
    ),
  ]];
}

/** What needs attention now, as the live file says of the current release: all of it, or what concerns a region. */
function attention(region_id) {
  const live = loaded.get("live"), rows = live && live.current === (loaded.get("release") || {}).release_id ? live.notices.filter((r) => !region_id || r.region_id === region_id) : [];
  return rows.length ? folded(`要处理的事（${rows.filter((r) => r.is_open).length}件）`, "要处理的事", [
    column("情形", (r) => of(NOTICES, r.kind), (r) => badge(NOTICES[r.kind] || ["none", r.kind]), "short"), long("什么", (r) => r.subject), long("怎么了", (r) => r.text),
  ], rows) : null;
}

/** Whether the figures of a region's newest year are signed: as the live file says of this release, else as it was when it was made. */
function signed(region, data) {
  const live = loaded.get("live"), id = (loaded.get("release") || {}).release_id;
  const known = live ? live.signed.find((r) => r.region_id === region.region_id && r.school_year === region.school_year && (live.current === id || r.release_id === id)) : null;
  const said = known ? (known.release_id === id ? known.signed_mark : known.mark) : data.mark;
  return el("p", { id: "signed" }, badge([said.startsWith("已签署") ? "yes" : said.startsWith("签署后") ? "no" : "none", said]),
    known ? [" ", el("a", { href: `../../../signed/${known.certificate.split("/").map(encodeURIComponent).join("/")}` }, "签署单")] : null);
}

/** What is not as it was last handed in, because it did not pass a check; first thing on the page. */
const blocked = (data) => data.blocked.map((r) => el("p", {}, badge(["no", `✗ ${year(r.school_year)}没有更新`]),
  ` ${r.since_release ? `仍是版本${r.since_release}的数` : "从未发布"}。${r.reason}`));

/** Policy targets by document; with `areas`, the county's own value beside the region's. */
function targets(name, data, areas) {
  if (!data.documents.length) return [el("p", { class: "soft" }, "本区域没有登记政策文件。")];
  const own = new Map((areas || []).map((row) => [row.target_id, row]));
  const columns = [
    column("编号", (r) => r.target_id, null, "short"),
    column("原文", (r) => r.quote, (r) => [el("q", {}, r.quote), r.clause ? el("div", { class: "soft" }, r.clause) : null], "text quote"),
    column("指标与要求", (r) => `${r.indicator_zh}：${demand(r)}`, (r) => [r.indicator_zh, el("div", { class: "soft" }, `${demand(r)}（${BOUND[r.area_level] || r.area_level}）`)], "text demand"),
    column("到期", (r) => r.due_year, (r) => (has(r.due_year) ? `${r.due_year}年秋` : "长期"), "short"),
    column(areas ? "全区域（最差处）" : "实际（最差处）", (r) => r.actual, (r) => [
      r.actual_zh || "—",
      has(r.actual_last_year) ? el("div", { class: "soft" }, "近年：", [r.actual_two_years_ago_zh, r.actual_last_year_zh, r.actual_zh].filter(has).join(" → ")) : null,
    ], "figures"),
    ...(areas ? [column("本县", (r) => own.get(r.target_id)?.value, (r) => {
      const row = own.get(r.target_id);
      return row ? [row.value_zh || "—", " ", has(row.is_met) ? badge(criterion(row)) : null, flips(row)] : "—";
    })] : []),
    long("状态", (r) => [of(STATUSES, r.status), r.reason].filter(has).join("：") , (r) => [
      badge(STATUSES[r.status] || ["none", r.status]), r.reason ? el("div", { class: "soft" }, r.reason) : null, flips(r),
    ]),
  ];
  return [...data.documents.map((d) => (areas ? folded : table)(`${d.document_zh}${d.document_number ? `（${d.document_number}）` : ""}`, `${name}_政策目标_${d.document_id}`,
    columns, data.targets.filter((row) => row.document_id === d.document_id), "本学年没有可列的目标。")), ...otherwise(`${name}_政策目标`, data.alternatives)];
}

/** What rules that can be read otherwise would come to if they were. */
function otherwise(name, rows) {
  const result = (value, met) => [value || "—", " ", has(met) ? badge(criterion({ is_judged: true, is_met: met })) : null];
  return rows.length ? [folded("另一种读法会怎样（只供比较，不进入结论）", `${name}_另一种读法`, [
    column("编号", (r) => r.alternative_id, null, "short"), long("原文", (r) => r.rule_zh), long("现行读法", (r) => r.reading_zh),
    column("现行结果", (r) => r.actual_zh, (r) => result(r.actual_zh, r.is_met)),
    long("另一种读法", (r) => r.alternative_zh), column("要求", (r) => r.alternative_demand_zh, null, "short"),
    column("另一种结果", (r) => r.alternative_actual_zh, (r) => result(r.alternative_actual_zh, r.alternative_is_met)),
    column("结果相反", (r) => (r.is_turned ? "是" : ""), (r) => (r.is_turned ? "是" : ""), "short"), long("为什么无法判定", (r) => r.reason, (r) => r.reason || ""),
  ], rows)] : [];
}

function quality(name, data, checks, missing = data.missing, filing = data.filing) {
  const fileColumns = [
    long("文件", (r) => [r.source_file, r.sheet].filter(Boolean).join(" · ")), number("行数", (r) => r.rows_in, whole), number("载入", (r) => r.rows_loaded, whole),
    number("隔离", (r) => r.rows_quarantined, whole), number("略过", (r) => r.rows_skipped, whole),
    long("状态", (r) => [of(FILES, r.status), r.reason].filter(has).join("："), (r) => [
      badge(FILES[r.status] || ["none", r.status]),
      [r.reason, r.unknown_columns && `没有认出的列：${r.unknown_columns}`, r.remarks].filter(Boolean).map((said) => el("div", { class: "soft" }, said)),
    ]),
    extra("没有认出的列", (r) => r.unknown_columns), extra("备注", (r) => r.remarks),
  ];
  const missingColumns = [
    ...(checks ? [] : [column("县", (r) => r.county_name_zh || r.county_code, null, "short")]),
    long("学校和原因", (r) => r.reason), column("情形", (r) => r.kind_zh, null, "short"), column("学段", (r) => r.stages_zh, null, "short"),
    long("连带", (r) => (r.waiting_row_count ? `${whole(r.waiting_row_count)}行（${r.waiting_zh}）` : "")),
  ];
  const filingColumns = checks ? [
    column("学校", (r) => r.school_name || r.school_key), column("报表", (r) => EXTRACTS[r.extract], null, "short"),
    column("情形", (r) => of(FILINGS, r.status), (r) => badge(FILINGS[r.status]), "short"), column("到达", (r) => r.arrived_on, null, "short"), long("原因", (r) => r.reason || ""),
  ] : [
    column("县", (r) => r.county_name_zh || r.county_code, null, "short"), column("报表", (r) => EXTRACTS[r.extract], null, "short"), column("截止", (r) => r.deadline || "没有规定", null, "short"),
    number("应报", (r) => r.expected, whole), ...Object.entries(FILINGS).map(([code, [, word]]) => number(word, (r) => r[code], whole)),
  ];
  const unreadColumns = [
    long("文件", (r) => [r.source_file, r.sheet].filter(Boolean).join(" · ")), number("行", (r) => r.row_number, whole), column("列", (r) => r.column_zh),
    column("填的内容", (r) => r.original), long("原因", (r) => r.reason),
  ];
  const rejectColumns = [long("文件", (r) => r.source_file), long("原因", (r) => r.reason), number("行数", (r) => r.rows, whole)];
  const checkColumns = [
    long("学校", (r) => r.school_name || r.school_id || "全县"), column("学段", (r) => (r.school_id ? STAGES[r.stage] || r.stage : "")), column("程度", (r) => of(SEVERITIES, r.severity), (r) => badge(SEVERITIES[r.severity] || ["none", r.severity])),
    long("不符之处", (r) => r.message), long("可能原因", (r) => r.probable_cause), long("怎样处理", (r) => r.explanation || r.how_to_resolve),
  ];
  const release = loaded.get("release");
  return [
    el("p", {}, "发布时间：", release ? moment(release.created_at) : "—", "。行数 = 载入 + 隔离 + 略过。", el("a", { href: "../manifest.json" }, "发布清单"), "列出每个文件的校验值。",
      release?.checks?.length ? [el("a", { href: "../data_docs/index.html" }, "数据质量文档"), "列出发布前检查了什么、查出什么。"] : null),
    (checks ? table : folded)("报送情况", `${name}_报送情况`, filingColumns, filing, checks ? "各校应报的报表都按时报了。" : "没有应报的报表。"),
    table("缺的学校", `${name}_缺的学校`, missingColumns, missing, "不缺学校。"),
    checks && folded("数据核对：两处不一致的数", `${name}_数据核对`, checkColumns, checks, "没有不符的数据核对。"),
    folded("最新学年的来源文件", `${name}_来源文件`, fileColumns, data.files, "没有来源文件。"),
    table("隔离的行", `${name}_隔离`, rejectColumns, data.quarantine, "没有隔离的行；等学校载入的行列在“缺的学校”的连带一栏。"),
    table("读不出的单元格", `${name}_读不出的单元格`, unreadColumns, data.unread, "没有读不出的单元格。"),
  ];
}

function countyPage(index, region, county, data, regionData) {
  const name = county.county_name_zh || county.county_code;
  const now = county.school_year;
  const national = index.indicators.filter((i) => i.is_national);
  const named = new Map(index.indicators.map((i) => [i.indicator_id, i]));
  const label = (id) => (named.get(id) ? named.get(id).name_zh : id);
  const schoolName = new Map(data.schools.map((s) => [s.school_id, s.school_name]));
  const toSchool = (id) => link(schoolName.get(id) || id, region.region_id, county.county_code, id);
  const latest = data.verdicts.find((row) => row.school_year === now) || county;
  const at = (stage, id, y = now) => data.balance.find((row) => row.stage === stage && row.indicator_id === id && row.school_year === y) || { stage, indicator_id: id };
  const of7 = (stage) => national.map((i) => at(stage, i.indicator_id));
  const ordered = (rows) => national.flatMap((i) => rows.filter((row) => row.indicator_id === i.indicator_id));
  const staged = (rows) => ["primary", "junior"].flatMap((stage) => ordered(rows.filter((r) => r.stage === stage)));
  const over = (row) => (WITHIN[row.is_met] || VERDICTS.not_evaluable)[1];
  const judged = data.values.filter((v) => has(v.threshold));
  const inScope = (stage) => data.sections.filter((r) => r.stage === stage && r.is_in_scope).sort((a, b) => Number(a.is_passed) - Number(b.is_passed) || a.met_count - b.met_count);
  const short = (id) => (named.get(id) || {}).short_name_zh || id;

  const valueOf = new Map(judged.map((v) => [`${v.school_id} ${v.stage} ${v.indicator_id}`, v]));
  const heat = (stage) => {
    const cell = (r, i) => valueOf.get(`${r.school_id} ${stage} ${i.indicator_id}`) || {};
    const limits = el("tr", {}, el("th", { scope: "row" }, "差异系数"), of7(stage).map((r) => el("td", { class: coefficient(r)[0], title: has(r.limit_value) ? `限值${fixed(r.limit_value, 2)}` : null }, coefficient(r)[1])));
    return heatMap(`${STAGES[stage]}：每校每项是标准的百分之几`, `${name}_${STAGES[stage]}_每校每项`, [
      column(STAGES[stage], (r) => schoolName.get(r.school_id) || r.school_id, (r) => toSchool(r.school_id)),
      ...national.map((i) => column(i.short_name_zh, (r) => cell(r, i).percent_of_threshold, (r) => attained(cell(r, i))[1], (r) => attained(cell(r, i))[0])),
    ], inScope(stage), limits, `没有在评的${STAGES[stage]}。`);
  };

  const coefficients = (stage) => {
    const mine = judged.filter((v) => v.stage === stage);
    const top = Math.min(300, 1.05 * Math.max(150, ...mine.map((v) => v.percent_of_threshold).filter(has)));
    const schoolsOf = (r) => mine.filter((v) => v.indicator_id === r.indicator_id);
    const made = table(`${STAGES[stage]}${national.length}项差异系数`, `${name}_${STAGES[stage]}_差异系数`, [
      column("指标", (r) => label(r.indicator_id), (r) => short(r.indicator_id)),
      { head: "每个圆点是一所学校", show: (r) => strip(schoolsOf(r), r.county_mean, top, (id) => schoolName.get(id) || id), kind: "strips" },
      column("差异系数", (r) => r.difference_coefficient, (r) => [badge(coefficient(r)), r.reason ? el("div", { class: "soft" }, r.reason) : null, flips(r)]),
      column("限值", (r) => r.limit_value, (r) => fixed(r.limit_value, 2), "number spare"),
      extra("判定", over),
      column("全县均值", (r) => r.county_mean, (r) => fixed(r.county_mean, 2) + (has(r.county_mean) ? (named.get(r.indicator_id) || {}).unit_zh || "" : ""), "number spare"),
      extra("计入学校", (r) => r.school_count), extra("缺数学校", (r) => r.missing_school_count),
    ], of7(stage).filter((r) => has(r.school_count)), `没有在评的${STAGES[stage]}。`);
    made.classList.add("kept");
    return made;
  };

  const ratios = ["primary", "junior"].map((stage) => {
    const rows = of7(stage).filter((r) => has(r.school_count));
    const highest = 1.1 * Math.max(1, ...rows.map((r) => r.urban_rural_ratio).filter(has));
    return table(`${STAGES[stage]}城乡比`, `${name}_${STAGES[stage]}_城乡比`, [
      column("指标", (r) => label(r.indicator_id)),
      column("城镇 ÷ 乡村（粗线为1，城乡相等）", (r) => r.urban_rural_ratio, (r) => (has(r.urban_rural_ratio) ? [fixed(r.urban_rural_ratio, 2), bar(r.urban_rural_ratio, 1, highest, false)] : "缺城镇或乡村一方"), "bar"),
      column("谁高", (r) => (has(r.urban_rural_ratio) ? (r.urban_rural_ratio > 1 ? "城镇高" : r.urban_rural_ratio < 1 ? "乡村高" : "相等") : "—")),
    ], rows.some((r) => has(r.urban_rural_ratio)) ? rows : [], `${STAGES[stage]}没有城镇学校，或没有乡村学校，不能对比。`);
  });

  const pairs = ["primary", "junior"].flatMap((stage) => national.map((i) => [stage, i.indicator_id])).filter(([stage, id]) => data.shares.some((r) => r.stage === stage && r.indicator_id === id));
  const place = el("div", {});
  const showShares = ([stage, id]) => {
    const rows = data.shares.filter((r) => r.stage === stage && r.indicator_id === id);
    const most = 1.1 * Math.max(1e-9, ...rows.map((r) => r.variance_share).filter(has));
    place.replaceChildren(table(`${STAGES[stage]} · ${label(id)}：影响最大的学校`, `${name}_${STAGES[stage]}_${label(id)}_影响最大的学校`, [
      column("学校", (r) => schoolName.get(r.school_id) || r.school_id, (r) => toSchool(r.school_id)),
      number("名次", (r) => r.variance_rank, whole),
      number("指标值", (r) => r.value, (v) => fixed(v, 2)), column("与均值相比", (r) => DIRECTIONS[r.direction] || r.direction),
      column("占全县差异的份额", (r) => r.variance_share, (r) => [has(r.variance_share) ? `${(100 * r.variance_share).toFixed(1)}%` : "—", bar(r.variance_share, null, most, false)], "bar"),
      number("去掉该校后的差异系数", (r) => r.coefficient_without, (v) => fixed(v, 3)),
    ], rows));
  };
  const failing = pairs.findIndex(([stage, id]) => at(stage, id).is_met === false);
  const shares = pairs.length ? [
    el("label", {}, "学段和指标 ", el("select", { onchange: (event) => showShares(pairs[Number(event.target.value)]) },
      pairs.map(([stage, id], i) => el("option", { value: i, ...(i === Math.max(0, failing) ? { selected: "" } : {}) }, `${STAGES[stage]} · ${label(id)}${at(stage, id).is_met === false ? "（超限）" : ""}`)))),
    place,
  ] : [el("p", { class: "soft" }, "没有可列的学校。")];
  if (pairs.length) showShares(pairs[Math.max(0, failing)]);

  const cost = (head, get) => number(head, get, whole);
  const totalColumns = [
    cost("一次性投入（元）", (r) => r.one_off_yuan), cost("年度经费（元/年）", (r) => r.yearly_yuan),
    cost("只求学校达标：一次性", (r) => r.pass_one_off_yuan), cost("只求学校达标：每年", (r) => r.pass_yearly_yuan),
    cost("只求降到限值：一次性", (r) => r.balance_one_off_yuan), cost("只求降到限值：每年", (r) => r.balance_yearly_yuan),
    number("不通过的学校：现在 → 实施后", (r) => r.failed_school_count_after, (v, r) => `${whole(r.failed_school_count)} → ${whole(v)}`),
    number("超限差异系数：现在 → 实施后", (r) => r.failed_coefficient_count_after, (v, r) => `${whole(r.failed_coefficient_count)} → ${whole(v)}`),
    long("说明", (r) => [has(r.remaining) ? `仍超过限值：${r.remaining}` : null, r.missing_school_count ? `缺${whole(r.missing_school_count)}所学校，没有计入` : null, r.missing_value_count ? `${whole(r.missing_value_count)}个学校指标缺数据，没有计划` : null].filter(has).join("；"), (r) => [r.remaining ? `仍超过限值：${r.remaining}。` : "", r.missing_value_count ? `${whole(r.missing_value_count)}个学校指标缺数据，没有计划。` : ""]),
  ];
  const outlayColumns = [
    column("办法", (r) => r.way_zh), number("涉及学校", (r) => r.school_count, whole), number("数量", (r) => r.units, (v, r) => whole(v) + (r.unit_zh || "")),
    { head: "费用一项接一项", show: (r) => {
      const alike = outlays.filter((other) => other.cost_kind === r.cost_kind), sum = (rows) => rows.reduce((total, other) => total + other.cost_yuan, 0);
      return waterfall(sum(alike.slice(0, alike.indexOf(r))), r.cost_yuan, sum(alike));
    }, kind: "bar" },
    cost("单价（元）", (r) => r.unit_cost_yuan), column("谁的价", (r) => r.price_basis, null, "short"),
    cost("一次性投入（元）", (r) => (r.cost_kind === "one_off" ? r.cost_yuan : null)), cost("年度经费（元/年）", (r) => (r.cost_kind === "yearly" ? r.cost_yuan : null)),
  ];
  const outlays = data.outlays.filter((r) => r.plan === "both").sort((a, b) => a.cost_kind.localeCompare(b.cost_kind) || b.cost_yuan - a.cost_yuan);
  const gapColumns = [
    column("指标", (r) => `${STAGES[r.stage]} · ${label(r.indicator_id)}`),
    number("未达标学校", (r) => r.short_school_count, whole),
    number("学校达标：要增加", (r) => r.pass_units, (v, r) => whole(v) + (has(v) ? r.unit_zh || "" : "")),
    number("差异系数：现在 → 补足后", (r) => r.coefficient_after, (v, r) => `${fixed(r.difference_coefficient, 3)} → ${fixed(v, 3)}`),
    number("降到限值：要增加", (r) => r.balance_units, (v, r) => whole(v) + (has(v) ? r.unit_zh || "" : "")),
    long("说明", (r) => r.null_reason, (r) => r.null_reason || ""),
  ];
  const planColumns = [
    column("学校", (r) => schoolName.get(r.school_id) || r.school_id, (r) => toSchool(r.school_id)), column("学段", (r) => STAGES[r.stage], null, "short"), long("指标", (r) => label(r.indicator_id)),
    number("学校达标：要增加", (r) => r.pass_units, (v, r) => whole(v) + (has(v) ? r.unit_zh || "" : "")),
    number("降到限值：要增加", (r) => r.balance_units, (v, r) => whole(v) + (has(v) ? r.unit_zh || "" : "")),
  ];
  const gaps = staged(data.gaps);
  const plans = data.plans.filter((r) => r.pass_units > 0 || r.balance_units > 0);

  const layoutColumns = [
    column("学校", (r) => schoolName.get(r.school_id) || r.school_id, (r) => toSchool(r.school_id)), column("学段", (r) => STAGES[r.stage], null, "short"),
    column("办法", (r) => LEVERS[r.lever] || r.lever, null, "short"), column("缘由", (r) => LAYOUT_REASONS[r.reason] || label(r.reason)),
    number("学生：现在 → 最多", (r) => r.allowed_pupils, (v, r) => (has(v) ? `${whole(r.pupils)} → ${whole(v)}` : whole(r.pupils))), number("要减少", (r) => r.excess_pupils, whole),
    column("接收学校", (r) => (has(r.to_school_id) ? schoolName.get(r.to_school_id) || r.to_school_id : null), (r) => (has(r.to_school_id) ? toSchool(r.to_school_id) : "—")),
    column("远近", (r) => (r.is_same_township ? "同乡镇" : r.is_same_side ? "同在城镇或乡村" : null), null, "short"), number("转去", (r) => r.moved_pupils, whole), number("它的余量", (r) => r.room_pupils, whole),
    long("说明", (r) => [has(r.yearly_entrants) ? `起始年级每年最多招${whole(r.yearly_entrants)}人，最迟${whole(r.years)}年后不超过上限` : null, r.unplaced_pupils > 0 ? `合计${whole(r.unplaced_pupils)}人没有学校能收` : null, r.null_reason].filter(has).join("；")),
  ];

  const transferColumns = [
    column("指标", (r) => `${STAGES[r.stage]} · ${label(r.indicator_id)}`),
    number("差异系数", (r) => r.difference_coefficient, (v) => fixed(v, 3)), number("限值", (r) => r.limit_value, (v) => fixed(v, 2)),
    column("结论", (r) => [of(TRANSFERS, r.status), r.null_reason].filter(has).join("："), (r) => [badge(TRANSFERS[r.status] || ["none", r.status]), r.null_reason ? el("div", { class: "soft" }, r.null_reason) : null]),
    number("最少调几人", (r) => r.teachers_moved, whole), number("调后的差异系数", (r) => r.coefficient_after, (v) => fixed(v, 3)),
    number("只靠调配最低能到", (r) => r.least_coefficient, (v) => fixed(v, 3)),
  ];
  const moveColumns = [
    column("指标", (r) => `${STAGES[r.stage]} · ${label(r.indicator_id)}`),
    long("调出学校", (r) => schoolName.get(r.from_school_id) || r.from_school_id, (r) => toSchool(r.from_school_id)),
    long("调入学校", (r) => schoolName.get(r.to_school_id) || r.to_school_id, (r) => toSchool(r.to_school_id)), number("人数", (r) => r.teachers, whole),
  ];

  const byNumber = (a, b) => a.criterion_id.localeCompare(b.criterion_id, "en", { numeric: true });
  const items = Object.keys(PARTS).map((part) => folded(PARTS[part], `${name}_${PARTS[part]}`, [
    column("条目", (r) => r.criterion_id, null, "short"), long("要求", (r) => r.text_zh), long("看什么", (r) => r.measure_zh),
    number("实际", (r) => r.actual, (v, r) => r.actual_zh || "—"), column("应", (r) => (r.is_judged ? demand(r) : "只列值"), null, "short"),
    column("判定", (r) => criterion(r)[1].slice(2), (r) => [badge(criterion(r)), flips(r)]),
    long("原因", (r) => r.reason, (r) => r.reason || ""),
  ], data.items.filter((r) => r.part === part).sort(byNumber)));
  items.push(...otherwise(name, data.alternatives));

  const years = [...new Set(data.balance.map((r) => r.school_year))].sort();
  const ahead = [...new Set(data.trends.map((r) => r.projected_year))].sort();
  const basis = (r) => [r.year_count > 1 ? `据${r.first_year}至${r.last_year}的${r.year_count}个学年` : null, r.incomplete_year_count ? `其中${r.incomplete_year_count}个有学校缺数据` : null, r.reason].filter(has).join("，");
  const bases = [...new Set(data.trends.map(basis))];
  const trends = (stage, figure) => {
    const [decimals, shape] = { difference_coefficient: [3, table], county_mean: [2, folded] }[figure], figureName = FIGURES[figure];
    const rows = national.map((i) => {
      const past = years.map((y) => at(stage, i.indicator_id, y));
      const future = ahead.map((y) => data.trends.find((r) => r.stage === stage && r.indicator_id === i.indicator_id && r.figure === figure && r.projected_year === y) || {});
      return { id: i.indicator_id, past, future, last: future[future.length - 1] || {} };
    });
    const points = (r) => [...years.map((y, i) => ({ year: y, value: r.past[i][figure], projected: i === years.length - 1 ? r.past[i][figure] : undefined })),
      ...ahead.map((y, i) => ({ year: y, projected: r.future[i].projected_value, low: r.future[i].interval_low, high: r.future[i].interval_high }))];
    const outlook = (r) => [of(OUTLOOKS, r.last.outlook), has(r.last.crossing_year) ? `（${r.last.crossing_year}）` : ""].filter(has).join("");
    return shape(`${STAGES[stage]}${figureName}：历年与预测`, `${name}_${STAGES[stage]}_${figureName}_历年与预测`, [
      column("指标", (r) => label(r.id)),
      ...years.map((y, i) => number(`${y}`, (r) => r.past[i][figure], (v) => fixed(v, decimals))),
      ...ahead.flatMap((y, i) => [
        number(`${y} 预测`, (r) => r.future[i].projected_value, (v, r) => [fixed(v, decimals), has(r.future[i].interval_high) ? el("div", { class: "soft" }, `${fixed(r.future[i].interval_low, decimals)}—${fixed(r.future[i].interval_high, decimals)}`) : null]),
        extra(`${y} 预测区间下限`, (r) => r.future[i].interval_low), extra(`${y} 预测区间上限`, (r) => r.future[i].interval_high),
      ]),
      column("走势", outlook, (r) => trend(points(r), r.last.limit_value), "picture"),
      column("照此步伐", (r) => basis(r.last), (r) => [r.last.outlook ? badge([OUTLOOKS[r.last.outlook][0], outlook(r)]) : "—", bases.length > 1 ? el("div", { class: "soft" }, basis(r.last)) : null], "text"),
    ], data.balance.some((r) => r.stage === stage) ? rows : [], `没有在评的${STAGES[stage]}。`);
  };
  const history = [
    table("历年结论", `${name}_历年结论`, [
      column("学年", (r) => year(r.school_year)), column("结论", (r) => of(VERDICTS, r.verdict), (r) => verdict(r.verdict)),
      number("在评学校", (r) => r.school_count, whole), number("未达标学校", (r) => r.failed_school_count, whole), number("差异系数超限", (r) => r.failed_coefficient_count, whole),
      number("政府保障达到", (r) => r.government_met_count, (v, r) => `${whole(v)}/${whole(r.government_item_count)}`), number("教育质量达到", (r) => r.quality_met_count, (v, r) => `${whole(v)}/${whole(r.quality_item_count)}`),
    ], data.verdicts),
    el("p", { class: "soft" }, "预测按近五个学年的直线外推，只看步伐，不作判定。图中实线为历年，虚线和空心点为预测，浅色带为95%预测区间（四个学年起才有），黑线为限值或达标值。", bases.length === 1 ? `各项都${bases[0]}。` : ""),
    ...Object.keys(FIGURES).flatMap((figure) => ["primary", "junior"].map((stage) => trends(stage, figure))),
  ];

  const grades = [...new Map(data.enrolment.map((r) => [`${r.stage} ${r.grade}`, r])).values()].sort((a, b) => inOrder(a, b) || a.grade - b.grade);
  const later = [...new Set(data.enrolment.map((r) => r.projected_year))].sort();
  const pupils = (g, y) => data.enrolment.find((r) => r.stage === g.stage && r.grade === g.grade && r.projected_year === y) || {};
  const enrolment = table("各年级学生数推算", `${name}_学生数推算`, [
    column("年级", (g) => `${STAGES[g.stage]}${g.grade}年级`, null, "short"), number(`${now}`, (g) => g.pupils, whole),
    ...later.flatMap((y) => [
      number(`${y} 预测`, (g) => pupils(g, y).projected_pupils, (v, g) => [whole(v), pupils(g, y).entrants_basis !== "roster" && has(v) ? el("div", { class: "soft" }, ENTRANTS[pupils(g, y).entrants_basis]) : null]),
      extra(`${y} 据什么推出`, (g) => ENTRANTS[pupils(g, y).entrants_basis]),
    ]),
    number("升级比例", (g) => g.survival_ratio, (v) => fixed(v, 3)),
    long("依据", (g) => [`${g.first_year}至${g.last_year}的${g.year_count}个学年`, g.missing_school_count ? `${g.missing_school_count}个校段不在班级名册` : null, g.reason].filter(has).join("，")),
  ], grades, "没有班级名册，不推算。");

  const horizons = table("学生高峰、低谷时学校达标要多少", `${name}_高峰低谷`, [
    column("时点", (r) => HORIZONS[r.horizon]),
    ...["primary", "junior"].flatMap((stage) => [
      number(`${STAGES[stage]}学生：现在 → 那时`, (r) => r[`${stage}_projected_pupils`], (v, r) => (has(v) ? [`${whole(r[`${stage}_pupils`])} → ${whole(v)}`, el("div", { class: "soft" }, year(r[`${stage}_year`]))] : "—")),
      extra(`${STAGES[stage]}学年`, (r) => r[`${stage}_year`]),
    ]),
    cost("一次性投入（元）", (r) => r.one_off_yuan), cost("年度经费（元/年）", (r) => r.yearly_yuan),
    long("要做的", (r) => [r.null_reason || r.additions || "不需要增加", r.is_assumed ? "（学生数里有假定的一年级）" : null].filter(has).join("")),
  ], data.horizons, "没有推算。");

  const funding = table("历年经费", `${name}_经费`, [
    column("学年", (r) => year(r.school_year)),
    number("生均公用经费（元）", (r) => r.public_funds_per_pupil, whole), number("其中城镇", (r) => r.urban_public_funds_per_pupil, whole), number("其中乡村", (r) => r.rural_public_funds_per_pupil, whole),
    number("城乡比", (r) => r.urban_rural_ratio, (v) => fixed(v, 2)), number("低于标准学校", (r) => r.below_standard_count, whole),
    number("教师培训经费占比", (r) => r.teacher_training_share, (v) => (has(v) ? `${(100 * v).toFixed(1)}%` : "—")),
    number("教育支出（元）", (r) => r.expenditure_yuan, whole), extra("教育支出来源", (r) => SOURCES[r.expenditure_source]), number("生均教育支出（元）", (r) => r.expenditure_per_pupil, whole),
    column("教育支出没有减少", (r) => YES[r.is_not_decreasing], (r) => badge(STEADY[r.is_not_decreasing] || ["none", "？ 无法比较"])),
    long("说明", (r) => r.reason, (r) => r.reason || ""),
  ], data.funding, "没有经费数据。");

  const inStage = (s, stage) => data.sections.find((r) => r.school_id === s.school_id && r.stage === stage);
  const passed = (r) => (!r ? "" : !r.is_in_scope ? "不在评估范围" : ruling(r.is_passed)[1]);
  const schools = table("全部学校", `${name}_学校`, [
    column("学校", (s) => s.school_name, (s) => [toSchool(s.school_id), s.status === "closed" ? "（已停办）" : ""]),
    column("标识码", (s) => s.school_id, null, "short"), column("类型", (s) => s.school_type_zh), column("乡镇街道", (s) => s.township), column("城乡", (s) => CLASSES[s.urban_rural_class], null, "short"),
    ...["primary", "junior"].flatMap((stage) => [
      number(`${STAGES[stage]}学生`, (s) => (inStage(s, stage) || {}).pupils, (v) => (has(v) ? whole(v) : "")),
      column(STAGES[stage], (s) => passed(inStage(s, stage)), (s) => { const r = inStage(s, stage); return r ? badge([r.is_in_scope ? ruling(r.is_passed)[0] : "none", passed(r)]) : ""; }),
    ]),
  ], data.schools, "本学年没有学校。");

  const lacking = data.completeness.filter((r) => !r.is_complete);
  const complete = badge(lacking.length ? ["no", "✗ 不完整"] : ["yes", "✓ 完整"]);

  const item = (part) => data.parts.filter((r) => r.part === part).map((r) => ({ ...r, name: r.item_number, full: `${PARTS[part]}第${r.item_number}项` }));
  const sevenOf = (stage) => of7(stage).map((r, i) => ({ ...r, name: i + 1, full: `${STAGES[stage]}${short(r.indicator_id)}差异系数` }));
  const recognition = data.items.filter((r) => r.part === "recognition" && r.is_judged);
  const tiles = el("div", { class: "tiles" },
    tile("资源配置", [verdict(latest.resource_verdict), " ", whole(latest.school_count), "所学校（分学段计）：", el("strong", {}, `${whole(latest.failed_school_count)}所未达标`), latest.undecided_school_count ? `、${whole(latest.undecided_school_count)}所无法判定` : null],
      ["primary", "junior"].filter((stage) => inScope(stage).length).map((stage) => el("div", { class: "line" }, el("span", {}, `${STAGES[stage]}差异系数`), squares(sevenOf(stage))))),
    tile(`政府保障程度 ${whole(latest.government_met_count)}/${whole(latest.government_item_count)}`, null, squares(item("government"))),
    tile(`教育质量 ${whole(latest.quality_met_count)}/${whole(latest.quality_item_count)}`, null, squares(item("quality"))),
    tile("社会认可度", recognition.map((r) => [badge(criterion(r)), ` ${r.actual_zh || "没有数"}`, el("span", { class: "soft" }, `（应${demand(r)}）`)]),
      ["prerequisite", "veto"].map((part) => el("div", { class: "line" }, el("span", {}, PARTS[part]), squares(item(part), part === "veto" ? VETOES : MET)))));

  return [name, [
    el("h1", { tabindex: "-1" }, name, el("small", {}, `${region.region_name_zh || region.region_id} · ${year(now)}`)),
    signed(region, regionData), region.only_county ? attention(region.region_id) : null,
    ...blocked(regionData),
    el("div", { class: `verdict ${latest.verdict}` },
      el("p", { class: "word" }, "优质均衡：", el("span", { id: "verdict" }, (VERDICTS[latest.verdict] || VERDICTS.not_evaluable)[1]), " ", el("span", { class: "data" }, "数据", complete)),
      data.reasons.length ? reasonsByKind(data.reasons) : el("p", {}, "国家标准的各项要求全部达到。")),
    ...lacking.map((r) => el("p", { class: "soft" }, `${EXTRACTS[r.extract]} ${whole(r.handed_in_school_count)}/${whole(r.expected_school_count)}所：${r.reason}`)),
    tiles,
    data.actions.length ? el("ol", { class: "actions", "aria-label": "要做什么" }, data.actions.map((r) => el("li", {}, el("strong", {}, ACTIONS[r.kind]), el("span", {}, r.sentence)))) : null,
    el("p", { class: "tool" }, el("span", {}, data.forms.length ? data.forms.map((file, i) => [i ? "　" : "", el("a", { href: paper(file) }, ["打开本县申报表（Excel）", "各校自评表（Excel）"][i])]) : "本学年没有申报表。"),
      el("button", { type: "button", onclick: () => printAs("brief") }, "打印一页纸"), el("button", { type: "button", onclick: () => printAs("whole") }, "打印全部")),
    el("h2", { class: "plain" }, "哪所学校差在哪一项，是", term("标准"), "的百分之几（✓ 达标　△ 不低于", term("下限"), "　✗ 低于下限）"),
    el("div", { class: "pair" }, heat("primary"), heat("junior")),
    el("h2", { class: "plain brief-out" }, term("差异系数"), "有多大（粗线为标准，虚线为下限，▼为全县均值，右边是", term("限值"), "）"),
    el("div", { class: "pair brief-out" }, coefficients("primary"), coefficients("junior")),
    el("p", { class: "soft brief-out" }, "表中的数四舍五入后显示，判定用未舍入的数；下载的 CSV 是未舍入的数。"),
    ...sections(
      ["县情概述", `${data.sentences.length}句话`, el("ol", { class: "sentences" }, data.sentences.map((r) => el("li", {}, r.sentence)))],
      ["谁造成差距", "去掉哪所学校，差异系数降多少", ...shares],
      ["城乡对比", "城镇 ÷ 乡村", el("p", { class: "soft" }, "按学生合计后比较；城镇指城区和镇区。"), ...ratios],
      ["补缺计划", "补什么、补多少、多少钱", el("p", { class: "soft" }, "教师先提升在岗的，再县内调配，最后招聘，招聘一人可计入几项指标。一次性投入和年度经费分开，不相加。两项计划（学校达标、差异系数降到限值）各自成立，也不相加；一起实施时，一校一项取较大的数。", data.totals.some((r) => r.has_sample_price) ? "单价中有示例，由本局改为核定的数后才可用于预算。" : ""),
        table("两项计划一起实施", `${name}_补缺_合计`, totalColumns, data.totals, "没有补缺计划。"), table("用什么办法、多少钱", `${name}_补缺_费用`, outlayColumns, outlays, "不需要增加。"), table("各指标要补多少", `${name}_补缺_指标`, gapColumns, gaps, "没有补缺计划。"),
        folded("各学校要补多少", `${name}_补缺_学校`, planColumns, plans, "没有学校需要补。"), folded("各学校怎样补", `${name}_补缺_步骤`, stepColumns(schoolName, true), data.steps, "没有学校需要补。")],
      ["教师调配", "不增加教师能不能做到", el("p", { class: "soft" }, "不增加教师，只在县内同学段学校之间调配，最少要调几人。各项分别求解，同一位教师可能计入几项；谁调往哪里只是一种配法，各校人数不变即可改配。"),
        table("各项教师指标能否只靠调配", `${name}_调配_指标`, transferColumns, staged(data.transfers), "没有调配方案。"),
        table("从哪所学校调往哪所学校", `${name}_调配_学校`, moveColumns, staged(data.moves), "不需要调，或只靠调配达不到。")],
      ["布局调整", "分流、限制招生、并入", el("p", { class: "soft" }, "学生太多的学校转出多少人就达标，小规模又未达标的学校能并到哪里。接收学校是同县同学段的公办学校，收下以后规模、班额和各项指标仍达标；先同乡镇，再同在城镇或乡村。各条各自成立，不相加，也不能同时占用一所学校的余量；做之前用 junheng scenario 算一算。没有东西要买，不列费用；接送、食宿没有计价，就近入学和群众意愿由人判断。"),
        table("分流、限制招生、并入", `${name}_布局调整`, layoutColumns, data.layout, "没有学校需要调整。")],
      ["逐项标准", "国家标准每一条的实际、要求和原因", ...items],
      ["政策目标", `${regionData.targets.length}项`, regionData.targets.length ? statusBar(regionData.targets) : null, ...targets(name, regionData, data.areas)],
      ["历年与预测", `${data.verdicts.length}个学年`, ...history],
      ["学生数推算", "各年级以后有多少人", el("p", { class: "soft" }, "按班级名册逐级推算；以后的一年级，全县各乡镇报齐出生人数的按出生人数加净迁入推算，没有报齐的按近三个学年的平均数假定，由此推出的都标明“出生”或“假定”。含不在评估范围的学校。高峰、低谷的计划是往后学生最多、最少的学年里各校都达标要做的，各校按现在所占的比例分得学生；与现在的补缺计划各自成立，不相加。", data.horizons.some((r) => r.has_sample_price) ? "单价中有示例，由本局改为核定的数后才可用于预算。" : ""), enrolment, horizons],
      ["经费", "生均公用经费、培训、教育支出", funding],
      ["学校", `${data.schools.length}所`, schools],
      ["数据质量与来源", "缺什么、隔离了什么、两处不一致的数", ...quality(name, regionData, data.checks, data.missing, data.filing), onDemand("每个数出自哪一格", () => countySources(name, region, county, schoolName))],
    ),
  ]];
}

function stepColumns(schoolName, withSchool) {
  const named = (id) => schoolName.get(id) || id;
  return [
    ...(withSchool ? [column("学校", (r) => named(r.school_id)), column("学段", (r) => STAGES[r.stage], null, "short")] : []),
    column("办法", (r) => r.way_zh), long("计入", (r) => r.counts_zh), column("从哪所学校调", (r) => (has(r.from_school_id) ? named(r.from_school_id) : "")),
    number("数量", (r) => r.units, (v, r) => whole(v) + (r.unit_zh || "")),
    number("一次性投入（元）", (r) => (r.cost_kind === "one_off" ? r.cost_yuan : null), whole), number("年度经费（元/年）", (r) => (r.cost_kind === "yearly" ? r.cost_yuan : null), whole),
  ];
}

function schoolPage(index, region, county, school, data) {
  const named = new Map(index.indicators.map((i) => [i.indicator_id, i]));
  const label = (id) => (named.get(id) ? named.get(id).name_zh : id);
  const mine = (rows) => rows.filter((row) => row.school_id === school.school_id);
  const content = mine(data.sections).sort(inOrder).map((section) => {
    const stage = STAGES[section.stage] || section.stage;
    const all = index.indicators.flatMap((i) => mine(data.values).filter((v) => v.stage === section.stage && v.indicator_id === i.indicator_id));
    const judged = all.filter((v) => has(v.threshold));
    const top = 1.1 * Math.max(1, ...judged.map((v) => (has(v.value) ? v.value / v.threshold : 0)));
    const state = !section.is_in_scope ? ["none", "不在评估范围"] : ruling(section.is_passed);
    const unit = (v) => (named.get(v.indicator_id) || {}).unit_zh || "";
    const share = mine(data.shares).filter((r) => r.stage === section.stage);
    const plan = mine(data.plans).filter((r) => r.stage === section.stage && (r.pass_units > 0 || r.balance_units > 0));
    return [stage, state[1],
      el("div", { class: `verdict ${state[0] === "yes" ? "met" : state[0] === "no" ? "not_met" : "not_evaluable"}` },
        el("p", { class: "word" }, state[1]),
        section.exclusion_reason ? el("p", {}, section.exclusion_reason) : null,
        section.reasons ? reasons(section.reasons.split("；")) : section.is_passed ? el("p", {}, "各项指标全部达标。") : null),
      facts(["在校生", has(section.pupils) ? `${whole(section.pupils)}人` : "—"], ["达标指标", has(section.met_count) ? `${section.met_count}项（共${judged.length}项）` : "—"],
        ["低于下限", has(section.floor_failed_count) ? `${section.floor_failed_count}项` : "—"], ["缺数据", has(section.missing_count) ? `${section.missing_count}项` : "—"]),
      table(`${stage}${judged.length}项指标`, `${school.school_name}_${stage}_${judged.length}项指标`, [
        column("指标", (v) => label(v.indicator_id)),
        column("实际（粗线为标准，虚线为下限）", (v) => v.value, (v) => (has(v.value) ? [fixed(v.value, 2) + unit(v), bar(v.value / v.threshold, 1, top, v.is_met === false, v.floor_value / v.threshold)] : "—"), "bar"),
        number("标准", (v) => v.threshold, loose),
        number("相似学校的中位数", (v) => v.similar_median, (x) => fixed(x, 2)), number("在相似学校中排第几", (v) => v.standing, (x, v) => (has(x) ? [`第${x}`, el("div", { class: "soft" }, `与${v.similar_count}所比`)] : "—")),
        column("判定", (v) => floored(v)[1].slice(2), (v) => [badge(floored(v)), v.null_reason ? el("div", { class: "soft" }, v.null_reason) : null, flips(v)]),
      ], judged, "没有指标值。"),
      folded(`${stage}其他指标（不判定）`, `${school.school_name}_${stage}_其他指标`, [
        column("指标", (v) => label(v.indicator_id)), number("实际", (v) => v.value, (x, v) => (has(x) ? fixed(x, 2) + unit(v) : "—")), long("没有值的原因", (v) => v.null_reason, (v) => v.null_reason || ""),
      ], all.filter((v) => !has(v.threshold)), "没有其他指标。"),
      onDemand(`${stage}指标的数出自哪一格`, () => schoolSources(`${stage}指标的数出自哪一格`, region, county, school, section.stage, label)),
      folded(`${stage}最相似的学校`, `${school.school_name}_${stage}_相似学校`, [
        column("学校", (r) => r.similar_school_name, (r) => link(r.similar_school_name, r.similar_region_id, r.similar_county_code, r.similar_school_id)),
        column("县", (r) => r.county_name_zh || r.similar_county_code), number("学生", (r) => r.similar_pupils, whole), number("距离（0为相同）", (r) => r.distance, (v) => fixed(v, 3)),
      ], mine(data.similar).filter((r) => r.stage === section.stage), "没有相似的学校。"),
      table(`${stage}要补多少`, `${school.school_name}_${stage}_补缺`, [
        column("指标", (r) => label(r.indicator_id)), number("学校达标：要增加", (r) => r.pass_units, (v, r) => whole(v) + (has(v) ? r.unit_zh || "" : "")),
        number("降到限值：要增加", (r) => r.balance_units, (v, r) => whole(v) + (has(v) ? r.unit_zh || "" : "")),
      ], plan, "不需要补。"),
      table(`${stage}怎样补（两项计划一起）`, `${school.school_name}_${stage}_补缺_步骤`, stepColumns(new Map(data.schools.map((s) => [s.school_id, s.school_name])), false), mine(data.steps).filter((r) => r.stage === section.stage), "不需要补。"),
      table(`${stage}对全县差距的影响（前十名的指标）`, `${school.school_name}_${stage}_影响`, [
        column("指标", (r) => label(r.indicator_id)), number("名次", (r) => r.variance_rank, whole), column("与均值相比", (r) => DIRECTIONS[r.direction] || r.direction),
        number("占全县差异的份额", (r) => r.variance_share, (v) => (has(v) ? `${(100 * v).toFixed(1)}%` : "—")), number("去掉该校后的差异系数", (r) => r.coefficient_without, (v) => fixed(v, 3)),
      ], share, "没有排进前十名的指标。"),
    ];
  });
  const checks = mine(data.checks);
  return [school.school_name, [
    el("h1", { tabindex: "-1" }, school.school_name, el("small", {}, `${county.county_name_zh || county.county_code} · ${year(county.school_year)}`)),
    el("p", {}, ["标识码 " + school.school_id, school.school_type_zh, school.township, CLASSES[school.urban_rural_class], school.status === "closed" ? "已停办" : ""].filter(Boolean).join(" · ")),
    data.forms[1] ? el("p", {}, el("a", { href: paper(data.forms[1]) }, "本校自评表（在各校自评表里，Excel）")) : null,
    ...sections(...content, ["数据核对", `${checks.length}处`, table("两处不一致的数", `${school.school_name}_数据核对`, [
      column("学段", (r) => STAGES[r.stage] || r.stage), column("程度", (r) => of(SEVERITIES, r.severity), (r) => badge(SEVERITIES[r.severity] || ["none", r.severity])),
      long("不符之处", (r) => r.message), long("可能原因", (r) => r.probable_cause), long("怎样处理", (r) => r.explanation || r.how_to_resolve),
    ], checks, "没有不符的数据核对。")]).map(unfolded),
  ]];
}

// ---- which page -------------------------------------------------------------------------------------------------

const moment = (text) => new Date(text).toLocaleString("zh-CN", { timeZone: "Asia/Shanghai", dateStyle: "long", timeStyle: "short" }) + "（北京时间）";

class Missing extends Error {}
function found(row, what) {
  if (!row) throw new Missing(`没有这个${what}。`);
  return row;
}

/** The page of an address, as its name, its elements and the way to it; throws Missing where there is none. */
async function compose(path) {
  const [regionId, countyCode, schoolId] = path;
  const index = await read("index");
  const only = index.regions.length === 1 ? index.regions[0] : null;
  const way = only ? [] : [["全部区域", []]];
  if (regionId === TERMS) return [...termsPage(index), [...way, [TERMS, [TERMS]]]];
  if (!regionId && only) return compose([only.region_id, only.only_county].filter(has));
  if (!regionId) return [...home(index), way];
  const region = found(index.regions.find((r) => r.region_id === regionId), "区域");
  way.push([region.region_name_zh || regionId, [regionId]]);
  const regionData = await read(`regions/${regionId}`);
  if (!countyCode) return [...regionPage(index, region, regionData), way];
  const county = found(regionData.counties.find((r) => r.county_code === countyCode), "县");
  way.push([county.county_name_zh || countyCode, [regionId, countyCode]]);
  const data = await read(`regions/${regionId}/${countyCode}`);
  if (!schoolId) return [...countyPage(index, region, county, data, regionData), way];
  const school = found(data.schools.find((s) => s.school_id === schoolId), "学校");
  way.push([school.school_name, path.slice(0, 3)]);
  return [...schoolPage(index, region, county, school, data), way];
}

function address() {
  if (!location.hash.startsWith("#/")) return [];
  try {
    return location.hash.slice(2).split("/").map(decodeURIComponent).filter(Boolean);
  } catch {
    return ["?"];
  }
}

let latestShow = 0;
async function show(isFirst) {
  const mine = ++latestShow;
  const main = document.getElementById("main");
  let title, elements, way;
  try {
    [title, elements, way] = await compose(address());
  } catch (error) {
    if (!(error instanceof Missing)) console.error(error);
    [title, elements, way] = ["打不开", [el("h1", { tabindex: "-1" }, "打不开这一页"), el("p", {}, error.message), el("p", {}, link("回到全部区域"))], [["全部区域", []]]];
  }
  if (mine !== latestShow) return;
  main.replaceChildren(...elements.flat(Infinity).filter(Boolean));
  document.title = `${title} · 均衡`;
  document.getElementById("sheet").textContent = `@page { @bottom-left { content: "${printable(title)}"; font-size: 8pt; } @bottom-right { content: counter(page) "/" counter(pages); font-size: 8pt; } }`;
  document.getElementById("path").replaceChildren(el("ol", {}, way.map(([name, path], i) => el("li", {},
    i === way.length - 1 ? el("span", { "aria-current": "page" }, name) : link(name, ...path)))));
  const [page, word] = address();
  const line = page === TERMS && word ? [...main.querySelectorAll("tbody tr")].find((row) => row.cells[0].textContent === word) : null;
  if (!isFirst) {
    scrollTo(0, 0);
    main.querySelector("h1").focus({ preventScroll: true });
  }
  if (line) {
    line.classList.add("sought");
    line.scrollIntoView({ block: "center" });
  }
}

/** Text that may stand in a string of a stylesheet. */
const printable = (text) => text.replace(/["\\\n\r<]/g, "");

/** What stands on every page, and at the foot of every printed sheet: the notice, and which release this is. */
async function frame() {
  const [index, release] = await Promise.all([read("index"), read("release"), read("live").catch(() => null)]);
  if (index.notice) {
    const notice = document.getElementById("notice");
    notice.textContent = index.notice;
    notice.hidden = false;
    const words = printable(index.notice.split("。")[0]);
    document.head.append(el("style", {}, `@page { @bottom-center { content: "${words}"; font-size: 8pt; } }`));
  }
  document.getElementById("release").append(`发布版本 ${release.release_id}，${moment(release.created_at)}。页面上的数都取自本版本的 marts 各表，含义见`,
    el("a", { href: "../dictionary.html" }, "数据字典"), "，名词见", link(TERMS, TERMS), "。");
}

/** Counties and schools whose name, code or pinyin initials begin with or hold what is typed; the lists are read when somebody begins to. */
async function search() {
  const sought = document.getElementById("sought").value.trim().toLowerCase(), list = document.getElementById("found");
  const { regions } = await read("index");
  const lists = sought ? await Promise.all(regions.map((region) => read(`search/${region.region_id}`))) : [];
  const found = lists.flatMap(({ places }, i) => places
    .filter((p) => p.name.toLowerCase().includes(sought) || p.place_id.toLowerCase().startsWith(sought) || p.initials.includes(sought))
    .map((p) => [regions[i].region_id, p]));
  const rank = ([, p]) => [p.name, p.initials, p.place_id].some((text) => text.toLowerCase().startsWith(sought)) ? 0 : 1;
  found.sort((a, b) => rank(a) - rank(b));
  list.replaceChildren(...found.slice(0, FOUND).map(([region_id, p]) => el("li", {},
    p.place_id === p.county_code ? link(p.name, region_id, p.county_code) : [link(p.name, region_id, p.county_code, p.place_id), el("span", { class: "soft" }, ` ${p.county_name} ${p.place_id}`)])));
  if (found.length > FOUND) list.append(el("li", { class: "soft" }, `还有${found.length - FOUND}个，请多写几个字`));
  document.getElementById("said").textContent = sought ? `查到${found.length}个` : "";
  if (sought && !found.length) list.append(el("li", { class: "soft" }, "没有查到"));
}
const FOUND = 10;

/** Print the first screen on one sheet (brief), or everything unfolded (whole); the browser's own print gives what is seen. */
function printAs(extent) {
  const opened = extent === "whole" ? [...document.querySelectorAll("details:not([open], .later)")] : [];
  for (const details of opened) details.open = true;
  document.body.classList.add(extent);
  addEventListener("afterprint", () => {
    document.body.classList.remove(extent);
    for (const details of opened) details.open = false;
  }, { once: true });
  requestAnimationFrame(() => setTimeout(print));
}

document.body.append(svg("svg", { width: 0, height: 0, style: "position:absolute", "aria-hidden": "true" }, svg("defs", {},
  svg("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { class: "hatch-ground", width: 6, height: 6 }), svg("rect", { class: "hatch-line", width: 3, height: 6 })))));
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});
document.getElementById("sought").addEventListener("input", search);
document.getElementById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  document.querySelector("#found a")?.click();
});
addEventListener("hashchange", () => {
  document.getElementById("search").reset();
  document.getElementById("found").replaceChildren();
  show(false);
});
frame().catch((error) => { document.getElementById("release").textContent = `${error.message}`; }).finally(() => show(true));
