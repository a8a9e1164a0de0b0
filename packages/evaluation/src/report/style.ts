// Series colours are those of Okabe & Ito, Color Universal Design, 2008, which people with any kind of colour vision can tell
// apart; lighter on dark ground.
const light = `color-scheme: light;
--surface: #fff; --card: #f6f7f9; --text: #1c2430; --muted: #5b6675; --line: #e3e6ea; --tint: #fbe9dd; --accent: #0b5c8f;
--series-0: #0072b2; --series-1: #d55e00; --series-2: #009e73; --series-3: #b0578d; --series-4: #d99a00;
--series-5: #56b4e9; --series-6: #6b7480; --series-7: #7a5c3e;`;

const dark = `color-scheme: dark;
--surface: #14181e; --card: #1c222a; --text: #e5e9ee; --muted: #9aa6b4; --line: #2c343e; --tint: #33261f; --accent: #7cc0ee;
--series-0: #4ba3dc; --series-1: #f0853f; --series-2: #35c397; --series-3: #df96c3; --series-4: #efbd4a;
--series-5: #9ed5f7; --series-6: #a3acb8; --series-7: #c9a583;`;

/** The style sheet of reports and pages. Dark is for screens only: paper is white. */
export const styleSheet: string = `
:root { ${light} }
@media screen and (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--surface); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif; }
main { max-width: 1128px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -0.015em; margin: 0; text-wrap: balance; overflow-wrap: anywhere; }
.subtitle { margin: 8px 0 0; color: var(--muted); overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; line-height: 1.3; letter-spacing: -0.01em; margin: 48px 0 4px; padding-top: 20px; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; line-height: 1.4; margin: 32px 0 2px; overflow-wrap: anywhere; }
p { margin: 4px 0 12px; max-width: 78ch; }
.note { color: var(--muted); font-size: 0.875rem; max-width: 100ch; overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 12px; margin: 28px 0 0; padding: 0; }
.cards > div { background: var(--card); border-radius: 10px; padding: 14px 16px; display: flex; flex-direction: column-reverse; justify-content: flex-end; }
.cards dt { color: var(--muted); font-size: 0.8125rem; line-height: 1.35; overflow-wrap: anywhere; }
.cards dd { margin: 0 0 2px; font-size: 1.375rem; font-weight: 600; line-height: 1.25; letter-spacing: -0.01em; font-variant-numeric: tabular-nums; overflow-wrap: break-word; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.9375rem; font-variant-numeric: tabular-nums; margin: 12px 0; }
th, td { text-align: right; padding: 9px 12px; border-bottom: 1px solid var(--line); vertical-align: baseline; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: normal; min-width: 9em; overflow-wrap: anywhere; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--muted); font-weight: 500; font-size: 0.8125rem; border-bottom-color: var(--muted); vertical-align: bottom; }
thead th.wide { white-space: normal; min-width: 11em; overflow-wrap: anywhere; }
tbody th { font-weight: 500; }
td small { display: block; color: var(--muted); font-size: 0.78125rem; }
.best { font-weight: 700; }
tbody th { text-align: left; }
.plain td, .plain th { text-align: left; padding-left: 0; }
.plain thead th, .plain .long { white-space: normal; overflow-wrap: anywhere; }
.plain tbody th { font-weight: 400; }
.verdict { max-width: 100ch; font-weight: 500; }
header + .verdict { margin-top: 20px; }
.warnings { background: var(--tint); border-radius: 10px; padding: 12px 16px 12px 34px; margin: 12px 0; max-width: 104ch; overflow-wrap: anywhere; }
.words { display: grid; grid-template-columns: minmax(10em, 16em) minmax(0, 80ch); gap: 8px 24px; font-size: 0.9375rem; margin: 12px 0; }
.words dt { font-weight: 500; overflow-wrap: anywhere; }
.words dd { margin: 0; color: var(--muted); overflow-wrap: anywhere; }
figure { margin: 8px 0 0; min-width: 0; break-inside: avoid; }
.chart { display: block; width: 100%; height: auto; font-family: inherit; font-size: 12px; font-variant-numeric: tabular-nums; }
.full .chart { min-width: 820px; }
.narrow { display: none; }
.ranked { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 360px), 1fr)); gap: 8px 32px; }
.ranked figure { max-width: 620px; }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 8px 32px; }
.curves figure { display: flex; flex-direction: column; }
.curves .scroll { margin-top: auto; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; margin: 6px 0 8px; padding: 0; font-size: 0.8125rem; color: var(--muted); }
.legend li { display: flex; align-items: baseline; gap: 7px; min-width: 0; overflow-wrap: anywhere; }
.legend i { flex: none; width: 11px; height: 11px; border-radius: 3px; background: var(--key); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
details { border-bottom: 1px solid var(--line); }
summary { cursor: pointer; padding: 12px 0; font-weight: 500; overflow-wrap: anywhere; }
summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
pre { background: var(--card); border-radius: 10px; padding: 16px; margin: 0 0 16px; overflow-x: auto; font: 0.8125rem/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; tab-size: 2; }
footer { margin-top: 48px; color: var(--muted); font-size: 0.8125rem; }
@media screen and (max-width: 640px) {
  main { padding: 24px 16px 48px; }
  h1 { font-size: 1.5rem; }
  .full { display: none; }
  .narrow { display: block; }
  .words { display: block; }
  .words dd { margin: 0 0 12px; }
  thead { display: none; }
  table, tbody, tr, tbody th, td { display: block; width: 100%; }
  tr { padding: 10px 0; border-bottom: 1px solid var(--line); }
  tbody th, td, .plain tbody th, .plain td { border: 0; padding: 2px 0; min-width: 0; }
  tbody th, .plain tbody th { font-weight: 600; }
  td[data-label] { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: 0 16px; white-space: normal; }
  td[data-label]::before { content: attr(data-label); margin-right: auto; color: var(--muted); font-size: 0.8125rem; text-align: left; max-width: 60%; }
  td:empty { display: none; }
  td small { flex-basis: 100%; text-align: right; }
}
@media print {
  main { max-width: none; padding: 0; }
  body { font-size: 11pt; }
  h2, h3 { break-after: avoid; }
  .full .chart { min-width: 0; }
  .curves { grid-template-columns: 1fr 1fr; }
  .scroll { overflow: visible; }
  table, tr, .cards > div { break-inside: avoid; }
  .cards > div, pre { border: 1px solid var(--line); }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
`;
