"use strict";
const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);

/* A generator of numbers from 0 to 1 that depends on a text only (xmur3 seeds mulberry32): the same on every machine. */
function seeded(text) {
  let h = 1779033703 ^ text.length;
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 3432918353);
    h = (h << 13) | (h >>> 19);
  }
  h = Math.imul(h ^ (h >>> 16), 2246822507);
  let state = (Math.imul(h ^ (h >>> 13), 3266489909) ^ (h >>> 16)) >>> 0;
  return () => {
    state = (state + 0x6D2B79F5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function shuffled(values, random) {
  const out = [...values];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

/* Progress is kept in this browser only, under the data set and the rater. */
function kept(key) {
  try { return JSON.parse(localStorage.getItem(key)); } catch { return null; }
}

function keep(key, value) {
  try { localStorage.setItem(key, JSON.stringify(value)); $("storage").hidden = true; }
  catch { $("storage").hidden = false; }
}

function download(name, value) {
  const link = document.createElement("a");
  const address = URL.createObjectURL(new Blob([JSON.stringify(value) + "\n"], { type: "application/json" }));
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

const fileName = (text) => text.replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 60);

function typing(event) {
  return event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
}
