// What JavaScript servers do with memory: JSON, arrays, strings, maps, and buffers outside the engine's own heap.
// usage: node node.js REPEATS       prints numbers that are the same for the same REPEATS everywhere
'use strict';
const zlib = require('zlib');

let state = 1;
function random(limit) {
  state = (state * 16807) % 2147483647;
  return state % limit;
}

function jsonRoundTrip() {
  const records = Array.from({ length: 12000 }, (_, id) => ({ id, name: `user${random(5000)}`, tags: [random(7), random(11)] }));
  const text = JSON.stringify(records);
  return text.length + JSON.parse(text).filter((record) => record.tags[0] === 3).length;
}

function sortedStrings() {
  const words = Array.from({ length: 40000 }, () => 'word' + random(100000));
  return words.sort().slice(0, 1000).join(' ').length + new Set(words).size;
}

function countedWords() {
  const counts = new Map();
  for (let i = 0; i < 100000; ++i) {
    const key = 'k' + random(9000);
    counts.set(key, (counts.get(key) || 0) + 1);
  }
  return Math.max(...counts.values());
}

function buffers() {
  let total = 0;
  for (let i = 0; i < 300; ++i) {
    const plain = Buffer.alloc(2000 + random(30000), 'text ' + random(100));
    total += zlib.inflateSync(zlib.deflateSync(plain, { level: 1 })).length;
  }
  return total;
}

const totals = {};
for (let repeat = 0; repeat < Number(process.argv[2]); ++repeat) {
  for (const part of [jsonRoundTrip, sortedStrings, countedWords, buffers]) {
    totals[part.name] = (totals[part.name] || 0) + part();
  }
}
console.log(JSON.stringify(totals));
