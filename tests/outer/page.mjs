// The page in a real browser, served by `retort serve` in front of an upstream that fails. Run by page.sh.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";

const require = createRequire(`${process.env.TOOLS}/`);
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const PICTURES = "target/page";
const PLACES = { overview: "/", messages: "/messages", explain: "/explain?status=503&client=chrome&path=%2Forders%2F7" };
const HOSTILE = "<script>alert(1)</script>";
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 320, height: 640 };

/** Rules of every kind: an id that is markup, conditions, shadows; then those that are shipped. */
function rules(folder, mistake = "") {
  const shipped = fs.readFileSync("conf/response-messaging.cfg.xml", "utf8");
  const own = `
  <status-code id="${HOSTILE.replaceAll("<", "&lt;")}" code-regex="418">
    <message media-type="text/html" content-type="text/html"><![CDATA[<p>short and stout</p>
      <script>fetch("/spied"); document.title = "spied"</script><img src="/spied" alt=""><iframe src="/spied"></iframe>]]></message>
    <message>%s ${HOSTILE.replaceAll("<", "&lt;")}</message>
  </status-code>
  <status-code id="api-away" code-regex="50[234]" source="proxy" path="/api/.*" overwrite="ALWAYS" status="503">
    <header name="Retry-After" action="default">30</header>
    <message media-type="application/json" content-type="application/problem+json">{"title":"%M","cause":"%{cause}x"}</message>
    <message xml:lang="en">The service is away. Try again in half a minute.</message>
    <message xml:lang="de">Der Dienst ist nicht da. In einer halben Minute wieder versuchen.</message>
  </status-code>${mistake}
`;
  fs.writeFileSync(path.join(folder, "rules.new"), shipped.replace(/(<response-messaging[^>]*>)/, `$1${own}`));
  fs.renameSync(path.join(folder, "rules.new"), path.join(folder, "rules.xml"));
}

/** Answers `/NNN…` with that status and nothing; with `?body`, with something; `/cut` not at all. */
async function upstream() {
  const server = http.createServer((request, response) => {
    const url = new URL(request.url, "http://upstream");
    if (url.pathname.endsWith("/cut")) return request.socket.destroy();
    response.statusCode = Number(url.pathname.match(/\d{3}/)?.[0] ?? 200);
    if (response.statusCode === 429) response.setHeader("Retry-After", "120");
    response.end(url.searchParams.get("body") ?? "");
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}

async function retort(binary, folder, port) {
  const flags = ["--rules", path.join(folder, "rules.xml"), "--upstream", `http://127.0.0.1:${port}`];
  const place = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log", "info"];
  const child = spawn(binary, ["serve", ...flags, ...place], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  const found = {};
  await new Promise((ready, failed) => {
    child.on("exit", () => failed(new Error(`it ended:\n${log}`)));
    child.stderr.on("data", (chunk) => {
      log += String(chunk).replace(/\x1b\[[0-9;]*m/g, "");
      found.proxy = log.match(/ listening .*?127\.0\.0\.1:(\d+)/)?.[1];
      found.admin = log.match(/retort::admin.*?127\.0\.0\.1:(\d+)/)?.[1];
      if (found.proxy && found.admin) ready();
    });
  });
  return { child, proxy: `http://127.0.0.1:${found.proxy}`, admin: `http://127.0.0.1:${found.admin}` };
}

function ask(url, headers = {}) {
  return new Promise((done) => {
    http.get(url, { headers }, (response) => response.resume().on("end", done)).on("error", done);
  });
}

/** Some traffic: every kind of decision. */
async function traffic(proxy) {
  const json = { accept: "application/json" };
  const page = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
  const requests = [
    ...Array.from({ length: 23 }, (_, index) => [`/503/orders/${index}`, index % 3 ? json : page]),
    ...Array.from({ length: 9 }, (_, index) => [`/404/items/${index}?token=secret`, page]),
    ["/418/<teapot>", page], ["/418/tea", json], ["/429/search", json], ["/500?body=stack+trace", json],
    ["/500?body=stack+trace", page], ["/403?body=no", page], ["/api/v1/cut", json], ["/api/v1/users/cut", page],
    ["/200/fine", json], ["/451/a/rather/long/path/that/goes/on/and/on/without/any/blank/in/it/at/all", page],
  ];
  for (const [target, headers] of requests) await ask(proxy + target, headers);
}

const results = [];
async function test(name, run) {
  try {
    await run();
    console.log(`ok   ${name}`);
    results.push(true);
  } catch (error) {
    console.log(`FAIL ${name}\n${error.stack}`);
    results.push(false);
  }
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "retort-page-"));
fs.cpSync("conf/messages", path.join(folder, "messages"), { recursive: true });
fs.mkdirSync(PICTURES, { recursive: true });
rules(folder);
const origin = await upstream();
const { child, proxy, admin } = await retort(process.argv[2], folder, origin.address().port);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });

/** A document in a browser of its own; what the console says of it is collected. */
async function open(place, options, use) {
  const context = await browser.newContext({ viewport: WIDE, ...options });
  const page = await context.newPage();
  const said = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) said.push(message.text());
  });
  page.on("pageerror", (error) => said.push(String(error)));
  try {
    const response = await page.goto(admin + place);
    assert.equal(response.status(), 200);
    await use(page, said, response);
  } finally {
    await context.close();
  }
}

async function fits(page) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= window, `${content} px in a window of ${window}`);
}

async function accessible(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { iframes: false }));
  const told = violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join("\n")}`);
  assert.deepEqual(told, []);
}

/** All frames come into sight, and load. */
async function frames(page) {
  for (const frame of await page.locator("iframe").all()) await frame.scrollIntoViewIfNeeded();
  await page.waitForLoadState("networkidle");
  await page.evaluate(() => scrollTo(0, 0));
}

try {
  await test("the overview follows what happens, without a word on the console", () =>
    open("/", {}, async (page, said) => {
      await page.locator("tr", { hasText: "unavailable" }).first().waitFor();
      await traffic(proxy);
      await page.waitForFunction(() => document.querySelector(".fact.notable")?.textContent.includes("by unavailable"));
      assert.match(await page.locator(".fact", { hasText: "Proxy" }).innerText(), /Ready/);
      assert.match(await page.locator(".rules tr", { hasText: "unavailable" }).innerText(), /23/);
      assert.match(await page.locator(".decisions tbody tr").first().innerText(), /451/);
      assert.doesNotMatch(await page.content(), /secret/);
      assert.deepEqual(said, []);
    }));

  await test("an id that is markup shows as text", () =>
    open("/", {}, async (page) => {
      assert.equal(await page.locator("th.rule a").first().innerText(), HOSTILE);
      await page.locator("th.rule a").first().click();
      await page.waitForURL(/messages\?rule=/);
      assert.equal(await page.locator("h2").first().innerText(), HOSTILE);
      assert.equal(await page.locator("script").count(), 1);
    }));

  await test("a message in a frame runs nothing and fetches nothing", () =>
    open("/messages", {}, async (page) => {
      const spied = [];
      page.on("request", (request) => /spied/.test(request.url()) && spied.push(request.url()));
      await frames(page);
      const frame = page.frameLocator(`iframe[title="Message 0 of ${HOSTILE}"]`);
      assert.equal(await frame.locator("p").innerText(), "short and stout");
      assert.deepEqual(spied.filter((url) => !page.frames().some((frame) => frame.url() === url)), []);
      assert.match(await page.title(), /Messages/);
    }));

  await test("explain answers while one types", () =>
    open("/explain", {}, async (page, said) => {
      await page.getByLabel("Status").fill("404");
      await page.getByText("message 5 of not-found is written").waitFor();
      await page.getByLabel("Client").selectOption("chrome");
      await page.getByText("message 0 of not-found is written").waitFor();
      assert.match(await page.locator("pre.response").innerText(), /HTTP\/1.1 404 Not Found[^]*text\/html/);
      await page.getByLabel("Accept", { exact: true }).fill("application/json;q=0.5");
      await page.getByText("message 2 of not-found is written").waitFor();
      assert.match(await page.locator(".ranges").innerText(), /application\/json;q=0.5\s+0.5\s+2/);
      await page.getByLabel("Body").fill("there is one");
      await page.getByText("(body-present)").waitFor();
      await page.getByLabel("Status").fill("4o4");
      await page.getByText("A status is a number").first().waitFor();
      assert.equal(await page.getByLabel("Status").getAttribute("aria-invalid"), "true");
      assert.match(page.url(), /body=there\+is\+one/);
      await page.reload();
      assert.equal(await page.getByLabel("Body").inputValue(), "there is one");
      assert.deepEqual(said, []);
    }));

  await test("explain works without a script", () =>
    open("/explain", { javaScriptEnabled: false }, async (page) => {
      await page.getByLabel("Status").fill("504");
      await page.getByLabel("Path").fill("/api/x?a=b");
      await page.getByLabel("Made by").selectOption("read-timeout");
      await page.getByLabel("Client").selectOption("api");
      await page.getByRole("button", { name: "Explain" }).click();
      assert.match(await page.locator("p.decision").innerText(), /replace: message 0 of api-away is written/);
      assert.match(await page.locator("pre.response").innerText(), /503 Service Unavailable[^]*Retry-After: 30[^]*read-timeout/);
      assert.match(await page.locator("pre.command").innerText(), /retort explain .*--cause read-timeout/);
    }));

  await test("the overview works without a script, reload included", () =>
    open("/", { javaScriptEnabled: false }, async (page) => {
      await page.getByRole("link", { name: "Kept", exact: true }).click();
      assert.match(await page.locator(".decisions").innerText(), /body-present/);
      assert.doesNotMatch(await page.locator(".decisions tbody").innerText(), /replaced/);
      await page.locator(".decisions td.explain a").first().click();
      assert.match(await page.locator("p.decision").innerText(), /keep:/);
      await page.goto(admin);
      await page.getByRole("button", { name: "Reload" }).click();
      assert.equal(page.url(), `${admin}/`);
      assert.match(await page.title(), /^Ready/);
    }));

  await test("it can be paused, and is reached by keyboard", () =>
    open("/", {}, async (page) => {
      await page.keyboard.press("Tab");
      assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
      await page.keyboard.press("Enter");
      assert.equal(await page.evaluate(() => document.activeElement.id), "content");
      await page.getByRole("button", { name: "Pause" }).focus();
      await page.keyboard.press("Shift+Tab");
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      assert.equal(outline, "solid");
      await page.getByRole("button", { name: "Pause" }).press("Enter");
      await page.getByRole("button", { name: "Resume" }).waitFor();
      assert.match(await page.locator(".live").innerText(), /paused/);
    }));

  for (const [name, place] of Object.entries(PLACES)) {
    for (const colorScheme of ["light", "dark"]) {
      await test(`${name}, ${colorScheme}: no fault of accessibility`, () =>
        open(place, { colorScheme }, async (page) => {
          await frames(page);
          await fits(page);
          await accessible(page);
          await page.screenshot({ path: `${PICTURES}/${name}-${colorScheme}.png`, fullPage: name === "explain" });
        }));
    }
    await test(`${name}, narrow: fits into 320 px, and stays accessible`, () =>
      open(place, { viewport: NARROW, colorScheme: "light" }, async (page) => {
        await frames(page);
        await fits(page);
        await accessible(page);
        await page.screenshot({ path: `${PICTURES}/${name}-narrow.png` });
      }));
  }

  await test("nothing moves for those who do not like it", () =>
    open(PLACES.explain, { reducedMotion: "reduce" }, async (page) => {
      const moving = await page.evaluate(() => [...document.querySelectorAll("*")].filter((element) => {
        const { transitionDuration, animationName } = getComputedStyle(element);
        return transitionDuration !== "0s" || animationName !== "none";
      }).length);
      assert.equal(moving, 0);
    }));

  await test("a refused reload shows at once, and where the mistakes are", () =>
    open("/", { colorScheme: "light" }, async (page, said) => {
      rules(folder, `<status-code id="typo" code-regx="599"><message>%d %{Retry-After</message></status-code>`);
      await page.getByText("Reload refused").waitFor();
      assert.match(await page.title(), /^Reload refused/);
      const shown = await page.locator(".diagnostics").innerText();
      assert.match(shown, /unknown attribute `code-regx`[^]*\^{9}[^]*did you mean `code-regex`/);
      await fits(page);
      await accessible(page);
      await page.screenshot({ path: `${PICTURES}/refused-light.png` });
      await page.emulateMedia({ colorScheme: "dark" });
      await page.screenshot({ path: `${PICTURES}/refused-dark.png` });
      await page.setViewportSize(NARROW);
      await fits(page);
      await page.screenshot({ path: `${PICTURES}/refused-narrow.png` });
      rules(folder);
      await page.waitForFunction(() => document.title.startsWith("Ready"));
      assert.equal(await page.locator(".diagnostics").count(), 0);
      assert.deepEqual(said, []);
    }));

  await test("a proxy that is gone is told of", () =>
    open("/", {}, async (page) => {
      child.kill("SIGKILL");
      await page.getByText("no answer").waitFor();
      assert.match(await page.title(), /^No answer/);
    }));
} finally {
  await browser.close();
  child.kill("SIGKILL");
  origin.close();
  origin.closeAllConnections();
  fs.rmSync(folder, { recursive: true });
}
const failed = results.filter((passed) => !passed).length;
console.log(`${results.length - failed} passed, ${failed} failed; pictures are in ${PICTURES}`);
process.exit(failed ? 1 : 0);
