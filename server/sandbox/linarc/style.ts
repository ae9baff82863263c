/** The look of the sandbox's page: calm and dense, light and dark, one column of cards under 700 px. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f7f6f4, #1b1a18);
  --panel: light-dark(#ffffff, #242320);
  --text: light-dark(#22211f, #eceae6);
  --quiet: light-dark(#5f5c57, #aaa69f);
  --line: light-dark(#d9d6d0, #3d3b37);
  --field-line: light-dark(#87837c, #85817a);
  --accent: light-dark(#0b6472, #6cc4d2);
  --on-accent: light-dark(#ffffff, #10292d);
  --mark: light-dark(#8a4b00, #f0b562);
  --mark-back: light-dark(#fff3dd, #3a2d17);
  --bad: light-dark(#a4262c, #f39a96);
  --good: light-dark(#1f6b3a, #7fcf9b);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 14px/20px system-ui, sans-serif; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -9999px; }
.skip:focus { left: 8px; top: 8px; background: var(--panel); padding: 8px; }
.bar { display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: center; padding: 10px 20px; }
.bar { background: var(--panel); border-bottom: 1px solid var(--line); }
.bar strong { font-size: 15px; }
.badge { border: 1px solid var(--mark); border-radius: 4px; padding: 1px 8px; }
.badge { color: var(--mark); background: var(--mark-back); font-weight: 600; }
.bar nav { display: flex; flex-wrap: wrap; gap: 4px; margin-left: auto; }
.bar nav a { padding: 6px 10px; border-radius: 4px; text-decoration: none; }
.bar nav a[aria-current] { background: var(--page); font-weight: 600; color: var(--text); }
main { max-width: 1240px; margin: 0 auto; padding: 20px; }
h1 { font-size: 20px; line-height: 28px; margin: 0 0 4px; }
h2 { font-size: 15px; margin: 24px 0 8px; }
.quiet { color: var(--quiet); margin: 0 0 16px; overflow-wrap: anywhere; }
.notice { margin: 0 0 16px; padding: 10px 12px; border-left: 3px solid var(--good); background: var(--panel); }
.notice { overflow-wrap: anywhere; }
.notice.bad { border-color: var(--bad); }
.tools { display: flex; flex-wrap: wrap; gap: 12px; align-items: end; justify-content: space-between; margin: 0 0 12px; }
.filters { display: flex; flex-wrap: wrap; gap: 12px; align-items: end; }
label { display: block; font-weight: 600; }
.hint { display: block; color: var(--quiet); font-weight: 400; }
input, select, .button, button {
  font: inherit; min-height: 32px; padding: 5px 10px; border-radius: 4px;
  border: 1px solid var(--field-line); background: var(--panel); color: var(--text);
}
input, select { width: 100%; }
.filters input { width: 220px; max-width: 100%; }
.filters select { width: auto; }
[aria-invalid=true] { border-color: var(--bad); }
.button, button { display: inline-block; cursor: pointer; text-decoration: none; font-weight: 600; white-space: nowrap; }
.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.danger { color: var(--bad); border-color: var(--bad); }
.plain { border-color: transparent; background: none; color: var(--accent); }
td .plain { padding-left: 0; margin-right: 8px; }
table { width: 100%; border-collapse: collapse; background: var(--panel); border: 1px solid var(--line); }
th, td { text-align: left; padding: 4px 12px; border-bottom: 1px solid var(--line); vertical-align: middle; }
th { font-weight: 600; color: var(--quiet); white-space: nowrap; }
td { overflow-wrap: anywhere; }
td.code { font-variant-numeric: tabular-nums; min-width: 108px; max-width: 260px; }
td.keep { white-space: nowrap; }
td form { display: inline; }
.missing, .inactive { color: var(--quiet); }
.missing { font-style: italic; }
.flag { color: var(--mark); white-space: nowrap; }
.pager { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; justify-content: space-between; margin: 12px 0; }
.fields { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 14px 16px; }
.fields .wide { grid-column: 1 / -1; }
.panel { max-width: 860px; margin: 0 0 16px; padding: 16px; }
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; }
fieldset { border: 0; margin: 0; padding: 0; min-width: 0; }
.actions { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 16px; }
.error { color: var(--bad); font-weight: 400; display: block; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 0; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 700px) {
  main { padding: 16px 12px; }
  .bar { padding: 10px 12px; }
  .bar nav { margin-left: 0; }
  .filters, .filters > *, .filters input, .filters select { width: 100%; }
  table, tbody, tr, td { display: block; border: 0; }
  table { background: none; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; margin-bottom: 8px; padding: 8px 12px; }
  td { padding: 2px 0; }
  td.code { font-weight: 600; max-width: none; }
  td[data-label]::before { content: attr(data-label) ": "; color: var(--quiet); font-weight: 400; }
  .button, button { min-height: 40px; padding-top: 9px; }
}
@media (forced-colors: active) { .badge, .notice, .panel, tr { border: 1px solid; } }
`;
