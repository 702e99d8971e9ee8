// Models of lists have the same scores by `mmoe predict` of a file, by mmoe_predictor_run of arrays
// and by ONNX Runtime of padded lists.
//   node test_onnx_lists.js MMOE NODE_MODULES BATCH_SCORES
// Skipped (77) without onnxruntime-node in NODE_MODULES: `tools/test --stage onnx` installs it.
'use strict';
const { execFileSync } = require('child_process');
const path = require('path');
const support = require('./onnx_support.js');
const { ort, pick } = support;
const batchScores = path.resolve(process.argv[4]);

// ---- Data: a list is an array of elements, and of [element, weight] where the column has weights.
const ROWS = 80;
const WORDS = { a: 956, 7: 456, '-3': 718, '007': 797, red: 507 }; // docs/configuration.md
const TOWNS = ['Bern', 'Chur', 'Genf', 'Basel'];
const PRICES = [3, 10, 10.5, 20, 99];
const WEIGHTS = [0.25, 0.5, 1, 3];

const choose = (values) => values[pick(values.length)];
const draw = (most, element) => Array.from({ length: pick(most + 1) }, element);

function makeRow(_, index) {
    const row = {
        item: pick(12),
        town: choose(TOWNS),
        age: pick(80),
        seen: draw(6, () => pick(12)),
        read: draw(5, () => [pick(12), choose(WEIGHTS)]),
        towns: draw(3, () => [choose(TOWNS), choose(WEIGHTS)]),
        words: draw(3, () => choose(Object.keys(WORDS))),
        prices: draw(4, () => choose(PRICES)),
    };
    if (index % 8 === 0) row.seen = [];
    if (index % 8 === 1) row.seen = [0, 0]; // padding, where a case says that row 0 is
    if (index % 8 === 2) row.seen = [4, 4, 4, 0, 2, 0, 7];
    if (index % 8 === 3) row.read = [[3, 0], [0, 0]]; // of no weight
    if (index % 16 < 2) row.read = row.towns = row.words = row.prices = [];
    const liked = row.seen.filter((id) => id > 5).length + row.words.length - row.item / 6;
    row.click = liked > 0.5 ? 1 : 0;
    row.buy = row.read.length + row.towns.length + row.seen.length > 5 ? 1 : 0;
    return row;
}
const rows = Array.from({ length: ROWS }, makeRow);
const entryOf = (element) => (Array.isArray(element) ? element : [element, 1]);
support.writeData(Object.keys(rows[0]), rows, (value) =>
    Array.isArray(value) ? value.map((element) => [element].flat().join(':')).join('|') : value
);

// ---- Cases
const feature = (name, more) => ({ name, embed_dim: 4, ...more });
const sized = { vocab_size: 12 };
const item = feature('item', sized);
const town = feature('town');
const age = { name: 'age', transform: 'standardize' };
const weighted = { weight_separator: ':' };
const seenAs = (pooling, more) =>
    feature(`seen as ${pooling}`, { column: 'seen', pooling, ...sized, ...more });
const everyPooling = (more) => [
    ...['mean', 'sum', 'max'].map((pooling) => seenAs(pooling, more)),
    seenAs('concat', { max_len: 7, ...more }),
];
const words = feature('words', { hash_bucket_size: 1000 });
const prices = feature('prices', { boundaries: [10, 20, 50], pooling: 'max' });
const towns = feature('towns', weighted);
const ofItem = { vocab_size: undefined, shared_with: 'item' };
const cases = [
    ['every pooling', { sequence: everyPooling({}), dense: [age] }],
    ['padding', { sequence: everyPooling({ padding_idx: 0 }), dense: [age] }],
    ['the last three', { sequence: everyPooling({ max_len: 3 }) }],
    ['the first three', { sequence: everyPooling({ max_len: 3, truncate: 'first' }) }],
    [
        'padding that max_len counts',
        {
            sequence: [
                ...everyPooling({ max_len: 4, padding_idx: 0 }),
                seenAs('mean', { name: 'first', max_len: 4, truncate: 'first', padding_idx: 0 }),
            ],
        },
    ],
    [
        'weights',
        {
            sparse: [town],
            sequence: [
                feature('read', { ...sized, ...weighted }),
                feature('sums', { column: 'read', pooling: 'sum', ...sized, ...weighted }),
                feature('cut', { column: 'read', max_len: 2, ...sized, ...weighted }),
                towns,
            ],
        },
    ],
    [
        'shared tables',
        {
            sparse: [feature('item', { ...sized, padding_idx: 0 }), town],
            sequence: [
                ...everyPooling({ ...ofItem, padding_idx: 0 }),
                feature('read', { ...ofItem, ...weighted }),
                feature('towns', { shared_with: 'town', pooling: 'sum', ...weighted }),
            ],
        },
    ],
    ['hashes and bins', { sparse: [item], sequence: [words, prices], dense: [age] }],
    [
        'two features of one column',
        {
            sparse: [item, feature('bins of items', { column: 'item', boundaries: [3, 8] }), town],
            sequence: [words, feature('shared words', { column: 'words', shared_with: 'words' })],
            dense: [age, { name: 'age in bins', column: 'age', encoding: 'piecewise_linear' }],
        },
    ],
    ['one list', { sequence: [seenAs('max', {})] }],
];

// ---- What is sent
const columnOf = (feature) => feature.column || feature.name;
const valuesOf = (row, feature) => [row[columnOf(feature)]].flat().map((e) => entryOf(e)[0]);

// Values to rows of the table, which is made of the values of all features that share it.
function toRows(feature, features) {
    const owner = features.find(({ name }) => name === feature.shared_with) || feature;
    if (owner.hash_bucket_size) return (value) => WORDS[value];
    if (owner.boundaries)
        return (value) => 1 + owner.boundaries.filter((boundary) => boundary <= value).length;
    if (owner.vocab_size) return Number;
    const users = features.filter((f) => f === owner || f.shared_with === owner.name);
    const ids = new Map(); // row 0: unknown; then in the order of first appearance
    for (const row of rows)
        for (const value of users.flatMap((user) => valuesOf(row, user)))
            if (!ids.has(value)) ids.set(value, ids.size + 1);
    return (value) => ids.get(value);
}

// Where the elements of a padded list stand; null is padding.
const paddings = {
    behind: (list, length) => [...list, ...Array(length - list.length).fill(null)],
    before: (list, length) => [...Array(length - list.length).fill(null), ...list],
    between: (list, length) =>
        Array.from({ length: 2 * length }, (_, i) => (i % 2 && list[(i - 1) / 2]) || null),
};

// Inputs NAME.ids, .mask and .weights; what stands in padding is not read.
function addList(feeds, feature, id, some, pad) {
    const lists = some.map((row) => row[columnOf(feature)].map(entryOf));
    const longest = Math.max(0, ...lists.map((list) => list.length));
    const padded = lists.map((list) => pad(list, longest));
    const dims = [some.length, padded[0].length];
    const slots = padded.flat();
    const ids = slots.map((slot, i) => BigInt(slot ? id(slot[0]) : i % 2 ? -9 : 9999));
    const add = (what, type, data) => {
        feeds[`${feature.name}.${what}`] = new ort.Tensor(type, data, dims);
    };
    add('ids', 'int64', BigInt64Array.from(ids));
    add('mask', 'bool', Uint8Array.from(slots.map((slot) => (slot ? 1 : 0))));
    if (!feature.weight_separator) return;
    add('weights', 'float32', Float32Array.from(slots.map((slot) => (slot ? slot[1] : NaN))));
}

function makeFeeds({ sparse = [], sequence = [], dense = [] }, some, pad) {
    const feeds = {};
    const all = [...sparse, ...sequence];
    const ids = sparse.map((f) => toRows(f, all));
    const flat = (columns) => some.flatMap((row) => columns.map((column) => column(row)));
    const rowNumbers = flat(sparse.map((f, i) => (row) => BigInt(ids[i](row[columnOf(f)]))));
    const numbers = flat(dense.map((f) => (row) => row[columnOf(f)]));
    if (sparse.length)
        feeds.ids = new ort.Tensor('int64', BigInt64Array.from(rowNumbers), [
            some.length,
            sparse.length,
        ]);
    sequence.forEach((f) => addList(feeds, f, toRows(f, all), some, pad));
    if (dense.length)
        feeds.x = new ort.Tensor('float32', Float32Array.from(numbers), [
            some.length,
            dense.length,
        ]);
    return feeds;
}

function scoresOfBatch({ sparse = [], sequence = [], dense = [] }) {
    const column = (f) => rows.map((row) => row[columnOf(f)]);
    const lists = sequence.map((f) => {
        const elements = column(f).flat().map(entryOf);
        let end = 0;
        const offsets = column(f).map((list) => (end += list.length));
        return [elements.length, ...elements.map((e) => e[0]), ...elements.map((e) => e[1]), 0,
            ...offsets];
    });
    const words = [ROWS, ...sparse.map(column), ...lists, ...dense.map(column)].flat();
    const out = execFileSync(
        batchScores,
        [support.inWork('m.safetensors'), String(sequence.length)],
        { input: words.join('\n') + '\n' }
    );
    return out.toString().trim().split('\n').map(Number);
}

// ---- Comparison
const tower = { dims: [8] };
const tasks = [
    { name: 'ctr', label: 'click', tower_params: tower },
    { name: 'cvr', label: 'buy', tower_params: tower },
];

function namesOf({ sparse, sequence, dense }) {
    const lists = sequence.flatMap(({ name, weight_separator: isWeighted }) => [
        `${name}.ids`,
        `${name}.mask`,
        ...(isWeighted ? [`${name}.weights`] : []),
    ]);
    return [...(sparse ? ['ids'] : []), ...lists, ...(dense ? ['x'] : [])];
}

async function check(features) {
    const wanted = support.train({
        features,
        tasks,
        model: { name: 'mmoe', n_expert: 3, expert_params: { dims: [8] } },
        trainer: { n_epoch: 4, batch_size: 16, optimizer_params: { lr: 0.02 }, seed: 3 },
    });
    support.expectLearned(wanted, tasks.length);
    const ofBatch = scoresOfBatch(features);
    support.expectEqual('scores', ofBatch.length, ROWS * tasks.length);
    support.compare('mmoe_predictor_run', ofBatch, wanted, tasks.length, 1e-6);
    const session = await support.open();
    support.expectEqual('inputs', [...session.inputNames].sort(), namesOf(features).sort());
    let worst = 0;
    for (const [where, pad] of Object.entries(paddings))
        for (const count of [ROWS, 1]) {
            const { scores } = await session.run(makeFeeds(features, rows.slice(0, count), pad));
            support.expectEqual('shape', scores.dims, [count, tasks.length]);
            const what = `padding ${where}`;
            const difference = support.compare(what, scores.data, wanted, tasks.length, 1e-6);
            worst = Math.max(worst, difference);
        }
    return worst;
}

support.runCases(cases, check);
