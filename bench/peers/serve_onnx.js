// Serving with ONNX Runtime: a model of the census shape, exported by mmoe, timed over numbers of
// rows a call.
//   node serve_onnx.js MMOE NODE_MODULES [SECONDS [WIDTH VALUES ROWS,...]]
// Exit status 77 without onnxruntime-node in NODE_MODULES: `tools/test --stage onnx` installs it.
'use strict';
const { execFileSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

const ROWS = 16384,
    SPARSE = 32,
    DENSE = 7,
    TASKS = 2;

const [mmoe, modules] = process.argv.slice(2, 4).map((p) => path.resolve(p));
const [seconds, width, vocab] = [1, 4, 16].map((usual, i) => Number(process.argv[4 + i] || usual));
const rowCounts = (process.argv[7] || '1,8,32,128,1000').split(',').map(Number);
let ort;
try {
    ort = require(path.join(modules, 'onnxruntime-node'));
} catch (error) {
    const why = error.message.split('\n')[0];
    const cure = 'tools/test --stage onnx installs it';
    console.error(`skipped: no onnxruntime-node in ${modules} (${cure}): ${why}`);
    process.exit(77);
}

let seed = 12345;
function random() {
    // Park and Miller's generator
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
}
const range = (n) => Array.from({ length: n }, (_, i) => i);

function exportModel(work) {
    const config = {
        features: {
            sparse: range(SPARSE).map((i) => ({
                name: `s${i}`,
                embed_dim: width,
                vocab_size: vocab,
            })),
            dense: range(DENSE).map((i) => ({ name: `d${i}` })),
        },
        tasks: range(TASKS).map((i) => ({
            name: `task${i}`,
            label: `label${i}`,
            tower_params: { dims: [8] },
        })),
        model: { name: 'mmoe', n_expert: 8, expert_params: { dims: [16] } },
        trainer: { n_epoch: 1, batch_size: 256 },
    };
    const names = [
        ...range(SPARSE).map((i) => `s${i}`),
        ...range(DENSE).map((i) => `d${i}`),
        ...range(TASKS).map((i) => `label${i}`),
    ];
    const row = () =>
        [
            ...range(SPARSE).map(() => Math.floor(random() * vocab)),
            ...range(DENSE).map(() => (random() * 2 - 1).toFixed(4)),
            ...range(TASKS).map(() => (random() < 0.5 ? 1 : 0)),
        ].join(',');
    fs.writeFileSync(path.join(work, 'config.json'), JSON.stringify(config));
    fs.writeFileSync(
        path.join(work, 'data.csv'),
        [names.join(','), ...range(2048).map(row)].join('\n') + '\n'
    );
    const run = (...args) =>
        execFileSync(mmoe, args, { cwd: work, stdio: ['ignore', 'ignore', 'pipe'] });
    run('train', '--config', 'config.json', '--train', 'data.csv', '--output', 'm.safetensors');
    run('export', '--model', 'm.safetensors', '--format', 'onnx', '--output', 'm.onnx');
    return path.join(work, 'm.onnx');
}

function makeFeeds(count) {
    const ids = BigInt64Array.from({ length: ROWS * SPARSE }, () =>
        BigInt(Math.floor(random() * vocab))
    );
    const x = Float32Array.from({ length: ROWS * DENSE }, () => random() * 2 - 1);
    return range(Math.min(512, Math.floor(ROWS / count))).map((i) => ({
        ids: new ort.Tensor('int64', ids.slice(i * count * SPARSE, (i + 1) * count * SPARSE), [
            count,
            SPARSE,
        ]),
        x: new ort.Tensor('float32', x.slice(i * count * DENSE, (i + 1) * count * DENSE), [
            count,
            DENSE,
        ]),
    }));
}

async function measure(session, count) {
    const feeds = makeFeeds(count);
    const now = () => Number(process.hrtime.bigint()) / 1e3; // us
    const times = [];
    let i = 0;
    for (const begin = now(); now() - begin < (1e6 * seconds) / 8 || i < 3; i++)
        await session.run(feeds[i % feeds.length]);
    for (const begin = now(); now() - begin < 1e6 * seconds || times.length < 3; i++) {
        const start = now();
        await session.run(feeds[i % feeds.length]);
        times.push(now() - start);
    }
    const sum = times.reduce((a, b) => a + b);
    times.sort((a, b) => a - b);
    const quantile = (q) => times[Math.min(times.length - 1, Math.floor(q * times.length))];
    return {
        rows: count,
        p50_us: quantile(0.5),
        p99_us: quantile(0.99),
        rows_per_second: (1e6 * count * times.length) / sum,
        calls: times.length,
    };
}

(async () => {
    const work = fs.mkdtempSync(path.join(os.tmpdir(), 'mmoe-serve-'));
    try {
        const options = {
            intraOpNumThreads: 1,
            interOpNumThreads: 1,
            executionMode: 'sequential',
            graphOptimizationLevel: 'all',
            logSeverityLevel: 3,
        };
        const session = await ort.InferenceSession.create(exportModel(work), options);
        const rows = [];
        for (const count of rowCounts) rows.push(await measure(session, count));
        const version = require(path.join(modules, 'onnxruntime-node', 'package.json')).version;
        console.log(
            JSON.stringify({
                program: 'serve_onnx',
                n_expert: 8,
                threads: 1,
                onnxruntime: version,
                node: process.version,
                rows,
            })
        );
    } finally {
        fs.rmSync(work, { recursive: true });
    }
})();
