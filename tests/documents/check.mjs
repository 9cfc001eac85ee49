// node check.mjs FILE.html...: opens reports in a real browser and holds them to their promises. Exit 1 on any complaint.
// It first shows that it would notice: broken files have to be refused.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { FileSystemConfigLoader, HtmlValidate } from 'html-validate';
import { pdf, scheme, withBrowser } from './browser.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const vnu = require.resolve('vnu-jar/build/dist/vnu.jar');
const widths = [360, 768, 1200, 1600];

// What the browser says and asks for while a file is open.
async function open(browser, file) {
  const url = pathToFileURL(resolve(file)).href;
  const complaints = [];
  const page = await browser.newPage();
  page.on('console', (message) => complaints.push(`console: ${message.type()} ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`script ran: ${error.message}`));
  page.on('dialog', async (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on('request', (request) => {
    if (request.url() !== url) complaints.push(`request: ${request.url().slice(0, 200)}`);
  });
  await page.setViewport({ width: 1200, height: 900 });
  await page.goto(url);
  return { page, complaints };
}

async function layout(page, complaints) {
  for (const width of widths) {
    await page.setViewport({ width, height: 900 });
    const wide = await page.evaluate(() => {
      const root = document.documentElement;
      return root.scrollWidth > root.clientWidth ? root.scrollWidth : 0;
    });
    if (wide) complaints.push(`${width} px: scrolls sideways, ${wide} px wide`);
    const open = await page.evaluate(() => {
      const closed = [...document.querySelectorAll('details:not([open])')];
      closed.forEach((fold) => { fold.open = true; });
      const root = document.documentElement;
      const result = root.scrollWidth > root.clientWidth ? root.scrollWidth : 0;
      closed.forEach((fold) => { fold.open = false; });
      return result;
    });
    if (open) complaints.push(`${width} px, folds open: scrolls sideways, ${open} px wide`);
  }
}

// axe runs in a world of its own with the policy switched off, after everything that the policy has to stop was watched.
async function accessibility(browser, file, complaints) {
  const page = await browser.newPage();
  await page.setBypassCSP(true);
  for (const [media, theme] of [['screen', 'light'], ['screen', 'dark'], ['print', 'light']]) {
    for (const width of [360, 1200]) {
      await page.setViewport({ width, height: 900 });
      await page.emulateMediaType(media);
      await page.emulateMediaFeatures(scheme(theme));
      await page.goto(pathToFileURL(resolve(file)).href);
      await page.evaluate(() => document.querySelectorAll('details').forEach((fold) => { fold.open = true; }));
      await page.evaluate(axeSource);
      const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      for (const violation of result.violations) {
        const where = violation.nodes.slice(0, 3).map((node) => node.target.join(' ')).join(', ');
        complaints.push(`axe, ${media} ${theme} ${width} px: ${violation.id}: ${violation.help} (${violation.nodes.length}: ${where})`);
      }
    }
  }
  await page.close();
}

const squeeze = (text) => text.replace(/\s+/gu, '');

// On paper every fold is open: the text of each <details> is in the PDF.
async function print(page, file, complaints) {
  const folder = mkdtempSync(join(tmpdir(), 'kube-hipaa-print-'));
  try {
    const texts = await page.evaluate(() => [...document.querySelectorAll('details:not(nav details, .all)')].flatMap((fold) => [...fold.querySelectorAll('code, dd, li > p, p, pre')]
      .filter((element) => element.children.length === 0).map((element) => element.textContent)));
    for (const format of ['A4', 'Letter']) {
      const path = join(folder, `${format}.pdf`);
      await pdf(page, path, format);
      const printed = squeeze(execFileSync('pdftotext', ['-layout', path, '-'], { encoding: 'utf8', maxBuffer: 1 << 28 }));
      const plain = texts.map((text) => squeeze(text)).filter((text) => text.length > 3 && text.length < 50 && /^[\x21-\x7e]+$/u.test(text));
      const missing = [...new Set(plain)].filter((text) => !printed.includes(text));
      // A value that is broken over two lines stands in pieces between the lines of its neighbour: a few may go unfound, a fold may not.
      if (missing.length > plain.length / 50) complaints.push(`${format}: ${missing.length} of ${plain.length} texts of folds are not printed, such as ${missing.slice(0, 3).join(' | ')}`);
      const sheets = execFileSync('pdftotext', ['-layout', path, '-'], { encoding: 'utf8', maxBuffer: 1 << 28 }).split('\f').map(squeeze);
      const first = sheets.findIndex((sheet) => sheet.startsWith('1Ononepage'));
      const overTime = await page.evaluate(() => document.body.classList.contains('time'));
      if (overTime) {
        if (!sheets[0]) complaints.push(`${format}: the first sheet is empty`);
      } else if (first < 0 || !sheets[first].includes('Whatpeoplestillhavetoanswer')) {
        // Names that are thousands of characters long take what room they need.
        if (texts.every((text) => text.length < 2000)) complaints.push(`${format}: what is called one page is not one`);
      }
      if (!/1\/\d+/u.test(printed)) complaints.push(`${format}: no page numbers`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// Filters work from the keyboard, hide what they say on the screen, and nothing on paper or where a link leads.
async function filters(page, file, complaints) {
  await page.setViewport({ width: 1200, height: 900 });
  await page.goto(pathToFileURL(resolve(file)).href);
  // Pages about more than one moment have none.
  if (await page.evaluate(() => document.body.classList.contains('time') && !document.querySelector('.filter'))) return;
  const shown = (selector) => page.evaluate((s) => [...document.querySelectorAll(s)].filter((e) => e.getClientRects().length > 0).length, selector);
  const all = await shown('.group');
  const press = async (id) => {
    await page.focus(id);
    await page.keyboard.press('Space');
  };
  for (const severity of ['critical', 'high', 'medium', 'low']) {
    if (all === 0) break;
    await press(`#sv-${severity}`);
    const [of, every] = [await shown(`.group.${severity}`), await shown('.group')];
    const there = await page.evaluate((s) => document.querySelectorAll(`.group.${s}`).length, severity);
    if (of !== every || of !== there) complaints.push(`filter ${severity}: ${every} groups are shown, ${of} of ${there} match`);
    await page.emulateMediaType('print');
    if (await shown('.group') !== all) complaints.push(`filter ${severity} acts on paper`);
    if (await shown('.filter') !== 0) complaints.push('filters are printed');
    await page.emulateMediaType();
  }
  for (const outcome of ['fail', 'blind', 'manual', 'pass', 'na']) {
    await press(`#oc-${outcome}`);
    const [of, every] = [await shown(`.control.${outcome}`), await shown('.control')];
    if (of !== every) complaints.push(`filter ${outcome}: ${every} controls are shown, ${of} match`);
  }
  const hidden = await page.evaluate(() => [...document.querySelectorAll('.group')].find((e) => e.getClientRects().length === 0)?.id);
  if (hidden) {
    await page.evaluate((id) => { document.location.hash = id; }, hidden);
    if (await shown(`[id="${hidden}"]`) !== 1) complaints.push('a link leads to something that a filter hides');
  }
  if (all > 0) {
    await press('#sv-all');
    await press('#only-ephi');
    if (await shown('.group:not(.e):not(:target), .group:not(:target) .objects > li:not(.e)') !== 0) complaints.push('only ePHI shows others too');
    await press('#only-ephi');
    if (await shown('.group') !== all) complaints.push('filters do not open again');
  }
}

async function validity(file, complaints) {
  const validator = new HtmlValidate(new FileSystemConfigLoader(JSON.parse(readFileSync(join(here, '.htmlvalidate.json'), 'utf8'))));
  const report = await validator.validateString(readFileSync(file, 'utf8'));
  for (const message of report.results.flatMap((result) => result.messages).slice(0, 10)) {
    complaints.push(`html-validate: ${message.line}:${message.column} ${message.ruleId}: ${message.message}`);
  }
  const nu = spawnSync('java', ['-jar', vnu, '--format', 'json', '--stdout', '--html', resolve(file)], { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (nu.error) complaints.push(`Nu did not run: ${nu.error.message}`);
  // Nu does not compute hashes of style blocks and says so as `info`; the browser does, and a wrong one is a console message above.
  else for (const message of JSON.parse(nu.stdout).messages.filter(({ message: text }) => !text.startsWith('Inline style violates Content Security Policy')).slice(0, 10)) complaints.push(`Nu: ${message.lastLine}: ${message.type}: ${message.message}`);
}

// `only` names the one kind of check that matters; whatever it is, what the browser says and asks for is watched.
async function check(browser, file, only) {
  const does = (kind) => only === undefined || only === kind;
  const { page, complaints } = await open(browser, file);
  if (does('layout')) await layout(page, complaints);
  if (does('filters')) await filters(page, file, complaints);
  if (does('print')) await print(page, file, complaints);
  await page.close();
  if (does('accessibility')) await accessibility(browser, file, complaints);
  if (does('validity')) await validity(file, complaints);
  return complaints;
}

// Replaces every `from`, which has to be there: a spoiler that spoils nothing proves nothing.
function swap(html, from, to) {
  if (!html.includes(from)) throw new Error(`nothing to spoil: ${from}`);
  return html.replaceAll(from, to);
}

// Lets a changed style sheet through; the apostrophes of the policy stand escaped in the attribute.
function loosen(html) {
  const policy = /&#39;sha256-[^;&]*&#39;/u;
  if (!policy.test(html)) throw new Error('no hash in the policy');
  return html.replace(policy, "'unsafe-inline'");
}

// Each of these spoils a good report in one way, and the check of that kind has to complain about that way.
const spoilers = [
  ['a script', 'open', /console: .*Content.Security.Policy|script ran/su, (html) => swap(html, '</main>', '<script>throw new Error("ran")</script></main>')],
  ['an image from elsewhere', 'open', /request: http|console: .*Content.Security.Policy/su, (html) => swap(html, '</main>', '<img src="http://127.0.0.1:9/x.png" alt="x"></main>')],
  ['a page that is too wide', 'layout', /scrolls sideways/u, (html) => swap(html, '</main>', '<svg width="3000" height="8"></svg></main>')],
  ['text without contrast', 'accessibility', /axe.*color-contrast/u, (html) => loosen(swap(html, '--ink:#22262b', '--ink:#d0d0d0'))],
  ['folds that stay shut on paper', 'print', /not printed/u, (html) => loosen(swap(html, 'details::details-content', 'details::nothing'))],
  ['filters that hide the wrong thing', 'filters', /^filter high/mu, (html) => loosen(swap(html, '.group:not(.high)', '.group:not(.low)'))],
  ['a tag that is not closed', 'validity', /html-validate|Nu/u, (html) => swap(html, '</main>', '<div></main>')],
  ['a style that the policy does not know', 'open', /console: .*Content.Security.Policy/su, (html) => swap(html, '--ink:#22262b', '--ink:#22262c')],
];

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error('usage: node check.mjs FILE.html...');
  process.exit(2);
}
let failed = 0;
const say = (line) => process.stdout.write(`${line}\n`);
await withBrowser(async (browser) => {
  const folder = mkdtempSync(join(tmpdir(), 'kube-hipaa-spoilt-'));
  const good = readFileSync(files[0], 'utf8');
  for (const [name, kind, expected, spoil] of spoilers) {
    const file = join(folder, 'spoilt.html');
    const bad = spoil(good);
    writeFileSync(file, bad);
    const complaints = await check(browser, file, kind);
    if (bad === good || !complaints.some((complaint) => expected.test(complaint))) {
      failed += 1;
      say(`not noticed: ${name}: ${complaints.join('; ').slice(0, 400)}`);
    } else say(`noticed: ${name}`);
  }
  rmSync(folder, { recursive: true, force: true });
  for (const file of files) {
    const complaints = await check(browser, file);
    failed += complaints.length;
    say(complaints.length === 0 ? `ok: ${file}` : `${file}:`);
    complaints.forEach((complaint) => say(`  ${complaint}`));
  }
});
process.exit(failed === 0 ? 0 : 1);
