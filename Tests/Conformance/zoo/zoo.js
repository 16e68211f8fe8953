// Node: V8 with its compiler, libuv's threads, workers, HTTP by its own client and server.
const { Worker, isMainThread, parentPort } = require("node:worker_threads")
const { spawnSync } = require("node:child_process")
const fs = require("node:fs/promises")
const http = require("node:http")
const os = require("node:os")

function sum() {
  let sum = 0
  for (let i = 1; i <= 1_000_000; i++) sum += i
  return sum
}

function primes() {
  const sieve = new Uint8Array(200_000).fill(1, 2)
  for (let i = 2; i * i < sieve.length; i++) if (sieve[i]) for (let j = i * i; j < sieve.length; j += i) sieve[j] = 0
  return sieve.reduce((count, one) => count + one)
}

async function inThreads() {
  const sums = Array.from({ length: 4 }, () => new Promise((done, failed) => new Worker(__filename).on("message", done).on("error", failed)))
  return (await Promise.all(sums)).reduce((all, one) => all + one)
}

async function overLoopback() {
  const server = http.createServer((request, response) => response.end(`pong ${request.url}`))
  await new Promise((done) => server.listen(0, "127.0.0.1", done))
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/7`)
  const text = await answer.text()
  server.close()
  server.closeAllConnections()
  return text
}

async function inAFile() {
  await fs.writeFile("/tmp/zoo.part", Buffer.alloc(1_000_000))
  await fs.rename("/tmp/zoo.part", "/tmp/zoo")
  const { size } = await fs.stat("/tmp/zoo")
  await fs.unlink("/tmp/zoo")
  return size
}

async function collects() {
  const gone = (() => new WeakRef({}))()
  for (let i = 0; i < 400; i++) new Array(131_072).fill(i)
  await new Promise(setImmediate)
  globalThis.gc()
  return gone.deref() === undefined
}

async function main() {
  const child = spawnSync("/bin/sh", ["-c", "echo $((6 * 7)); exit 3"])
  console.log(JSON.stringify({
    threads: await inThreads(), child: child.stdout.toString().trim(), status: child.status, http: await overLoopback(), file: await inAFile(),
    collected: await collects(), primes: primes(), memory: os.totalmem(), processors: os.availableParallelism(),
  }))
}

if (isMainThread) main()
else parentPort.postMessage(sum())
