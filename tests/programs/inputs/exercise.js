// What the node case runs: objects, strings, buffers, maps, crypto, and worker threads.
'use strict';
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const { createHash } = require('crypto');
const zlib = require('zlib');

const digest = (value) => createHash('sha256').update(value).digest('hex');

function work(seed) {
  const table = new Map();
  for (let i = 0; i < 25000; ++i) {
    const key = `key${(i * 7919 + seed) % 5003}`;
    table.set(key, (table.get(key) || '') + 'x'.repeat(i % 7));
  }
  const buffers = [];
  for (let i = 0; i < 1500; ++i) buffers.push(Buffer.alloc(i * 10, i & 255));
  return digest(JSON.stringify([...table].sort()) + digest(Buffer.concat(buffers)));
}

async function main() {
  console.log('main', work(0));
  const packed = zlib.deflateSync(Buffer.from('some text '.repeat(100000)));
  console.log('zlib', packed.length, zlib.inflateSync(packed).length);
  const results = await Promise.all([1, 2, 3].map((seed) => new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { workerData: seed });
    worker.on('message', resolve);
    worker.on('error', reject);
  })));
  results.forEach((result, i) => console.log('worker', i, result));
}

if (isMainThread) main();
else parentPort.postMessage(work(workerData));
