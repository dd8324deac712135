// Plays an HLS presentation with hls.js in headless Chromium: load, play, seek, switch level, and,
// with --flash-beep, how far the beep of a flash-and-beep clip is from its flash.
//
//   node play.mjs FOLDER [--flash-beep]
//
// FOLDER holds `multivariant.m3u8`. It is served on a loopback port of the system's choice. The
// result is one line of JSON on stdout; the exit code is 1 if anything didn't work.
import { createReadStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";

const STEP_TIMEOUT_MS = 30_000;
const HLS_SCRIPT = createRequire(import.meta.url).resolve("hls.js/dist/hls.min.js");
const TYPES = {
  ".m3u8": "application/vnd.apple.mpegurl",
  ".m4s": "video/iso.segment",
  ".mp4": "video/mp4",
  ".js": "text/javascript",
};
const PAGE = `<!doctype html><meta charset="utf-8"><video id="video" muted playsinline></video>
<script src="/hls.js"></script>`;

/** Serves the page, hls.js and the presentation's files; byte ranges aren't needed. */
function serve(folder) {
  const server = createServer(async (request, response) => {
    const name = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    if (name === "/") {
      response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
      return;
    }
    const file = name === "/hls.js" ? HLS_SCRIPT : path.join(folder, path.normalize(name));
    try {
      const { size } = await stat(file);
      const type = TYPES[path.extname(file)] ?? "application/octet-stream";
      response.writeHead(200, { "content-type": type, "content-length": size });
      createReadStream(file).pipe(response);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

/** Runs in the page: loads, plays, seeks to the middle, plays on, and switches through all levels. */
async function exercise(timeoutMs) {
  const video = document.getElementById("video");
  const errors = [];
  const hls = new Hls({ enableWorker: false });
  globalThis.hls = hls;
  hls.on(Hls.Events.ERROR, (_event, data) => errors.push(`${data.type}/${data.details}/fatal=${data.fatal}`));
  const until = async (what, holds) => {
    const end = performance.now() + timeoutMs;
    while (!holds()) {
      if (performance.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms; ${errors.join(", ")}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  hls.loadSource("/multivariant.m3u8");
  hls.attachMedia(video);
  await until("manifest", () => hls.levels.length > 0);
  await until("buffer", () => video.readyState >= 3);
  await video.play();
  const start = video.currentTime;
  await until("playing", () => video.currentTime > start + 1);
  const middle = video.duration / 2;
  video.currentTime = middle;
  await until("seek", () => !video.seeking && video.currentTime > middle + 0.5);
  const switched = [];
  for (let level = 0; level < hls.levels.length; level += 1) {
    const { height } = hls.levels[level];
    hls.currentLevel = level;
    await until(`level ${level}`, () => !video.seeking && video.videoHeight === height && video.readyState >= 3);
    switched.push(height);
  }
  const after = video.currentTime;
  await until("playing after the switches", () => video.ended || video.currentTime > after + 0.5);
  const buffered = video.buffered;
  const ranges = Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)]);
  return {
    errors,
    levels: hls.levels.map(({ width, height, codecs, bitrate }) => ({ width, height, codecs, bitrate })),
    audioTracks: hls.audioTracks.map(({ name, lang }) => ({ name, lang })),
    duration: video.duration,
    startOfBuffer: start,
    switched,
    buffered: ranges,
  };
}

/** Runs in the page: plays from the start and compares the media times of flashes and beeps. */
async function flashBeep() {
  const video = document.getElementById("video");
  video.muted = false;
  video.pause();
  video.currentTime = 0;
  await new Promise((resolve) => setTimeout(resolve, 500));
  const context = new AudioContext({ latencyHint: "interactive" });
  await context.resume();
  const input = context.createMediaElementSource(video);
  const probe = context.createScriptProcessor(256, 2, 1);
  const beeps = [];
  let quiet = true;
  probe.onaudioprocess = (event) => {
    const samples = event.inputBuffer.getChannelData(0);
    const loud = samples.findIndex((sample) => Math.abs(sample) > 0.05);
    if (loud >= 0 && quiet) beeps.push(video.currentTime);
    quiet = loud < 0;
  };
  input.connect(probe);
  probe.connect(context.destination);
  const canvas = new OffscreenCanvas(8, 8);
  const pixels = canvas.getContext("2d", { willReadFrequently: true });
  const flashes = [];
  let dark = true;
  const look = (_now, { mediaTime }) => {
    pixels.drawImage(video, 0, 0, 8, 8);
    const bright = pixels.getImageData(4, 4, 1, 1).data[1] > 128;
    if (bright && dark) flashes.push(mediaTime);
    dark = !bright;
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  await video.play();
  const end = performance.now() + (video.duration + 10) * 1000;
  while (!video.ended && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
  const offsets = flashes.map((flash) => Math.min(...beeps.map((beep) => Math.abs(beep - flash))));
  offsets.sort((a, b) => a - b);
  return { flashes, beeps, medianOffset: offsets[Math.floor(offsets.length / 2)] };
}

const [folder, option] = process.argv.slice(2);
if (!folder || (option && option !== "--flash-beep")) {
  console.error("usage: node play.mjs FOLDER [--flash-beep]");
  process.exit(2);
}
const server = await serve(path.resolve(folder));
const profile = await mkdtemp(path.join(tmpdir(), "reelmesh-chromium-"));
let context;
try {
  context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--autoplay-policy=no-user-gesture-required",
    ],
  });
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const result = await page.evaluate(exercise, STEP_TIMEOUT_MS);
  if (option === "--flash-beep") result.flashBeep = await page.evaluate(flashBeep);
  console.log(JSON.stringify(result));
  if (result.errors.some((error) => error.endsWith("fatal=true"))) process.exitCode = 1;
} catch (error) {
  console.error(String(error.stack ?? error));
  process.exitCode = 1;
} finally {
  await context?.close();
  server.close();
  await rm(profile, { recursive: true, force: true });
}
