// Models that the program trains, and what ONNX Runtime makes of them.
'use strict';
const { execFileSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

const [mmoe, modules] = process.argv.slice(2).map((p) => path.resolve(p));
let ort;
try {
    ort = require(path.join(modules, 'onnxruntime-node'));
} catch (error) {
    const why = error.message.split('\n')[0];
    const cure = 'tools/test --stage onnx installs it';
    console.log(`skipped: no onnxruntime-node in ${modules} (${cure}): ${why}`);
    process.exit(77);
}
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'mmoe-onnx-'));
const inWork = (name) => path.join(work, name);
const run = (...args) => execFileSync(mmoe, args, { cwd: work, stdio: ['ignore', 'pipe', 'pipe'] });

// A number in [0, 1), of Park and Miller's generator; a whole one below n.
let seed = 12345;
function random() {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
}
const pick = (n) => Math.floor(random() * n);

function writeData(columns, rows, text) {
    const line = (row) => columns.map((c) => text(row[c])).join(',');
    fs.writeFileSync(inWork('data.csv'), [columns.join(','), ...rows.map(line)].join('\n') + '\n');
}

// Trains m.safetensors and exports m.onnx; returns the scores that the program predicts.
function train(config) {
    fs.writeFileSync(inWork('config.json'), JSON.stringify(config));
    run('train', '--config', 'config.json', '--train', 'data.csv', '--output', 'm.safetensors');
    run('predict', '--model', 'm.safetensors', '--data', 'data.csv', '--output', 'p.csv');
    run('export', '--model', 'm.safetensors', '--format', 'onnx', '--output', 'm.onnx');
    const lines = fs.readFileSync(inWork('p.csv'), 'utf8').trim().split('\n').slice(1);
    return lines.flatMap((line) => line.split(',').map(Number));
}

const open = () => ort.InferenceSession.create(inWork('m.onnx'), { logSeverityLevel: 3 });

function expectEqual(what, got, wanted) {
    if (JSON.stringify(got) !== JSON.stringify(wanted))
        throw new Error(`${what}: ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`);
}

// Scores of rows by tasks, which may be the first rows of `wanted`; returns the largest difference.
function compare(what, scores, wanted, tasks, bound) {
    let worst = 0;
    scores.forEach((score, i) => {
        const error = Math.abs(score - wanted[i]) / Math.max(1, Math.abs(wanted[i]));
        if (!(error <= bound))
            throw new Error(
                `${what}: row ${Math.floor(i / tasks)}, task ${i % tasks}: ` +
                    `${score}, not ${wanted[i]}`
            );
        worst = Math.max(worst, error);
    });
    return worst;
}

// A model that has learned nothing would show nothing.
function expectLearned(wanted, tasks) {
    for (let t = 0; t < tasks; t++) {
        const scores = wanted.filter((_, i) => i % tasks === t);
        if (!(Math.max(...scores) - Math.min(...scores) > 0.05))
            throw new Error(`task ${t}: the scores hardly differ`);
    }
}

// Each case is a name and the arguments of `check`, which returns the largest difference; exits.
async function runCases(cases, check) {
    let failures = 0;
    for (const [name, ...rest] of cases) {
        try {
            const worst = await check(...rest);
            console.log(`ok ${name}: ${worst.toExponential(1)}`);
        } catch (error) {
            failures++;
            console.log(`not ok ${name}: ${error.message}${error.stderr ? error.stderr : ''}`);
        }
    }
    fs.rmSync(work, { recursive: true });
    process.exit(failures ? 1 : 0);
}

module.exports = {
    ort,
    inWork,
    random,
    pick,
    writeData,
    train,
    open,
    expectEqual,
    compare,
    expectLearned,
    runCases,
};
