// ONNX Runtime gives the scores of `mmoe predict` for exported models.
//   node test_onnx_runtime.js MMOE NODE_MODULES
// Skipped (77) without onnxruntime-node in NODE_MODULES: `tools/test --stage onnx` installs it.
'use strict';
const support = require('./onnx_support.js');
const { ort, random, pick } = support;

// ---- Data: values that a float holds, so that the program (double) and ONNX (float) read the same
// ones.
const ROWS = 400;
const TOWNS = ['Bern', 'Zürich', 'Chur', 'Genf', 'Basel'];

function makeRow() {
    const row = {
        user: pick(20),
        friend: pick(20),
        slot: pick(5),
        town: TOWNS[pick(TOWNS.length)],
    };
    row.age = Math.fround(random() * 80);
    row.wage = Math.fround(Math.exp(random() * 8) - 1);
    row.clock = 1e6 + pick(160) * 0.0625; // large values that lie close together
    row.share = Math.fround(random() * 2 - 1);
    row.gap = row.user % 4 ? Math.fround(row.share * 9 + 9) : 'NA';
    row.vector = row.slot % 3 ? [row.share, row.user / 4, 0.5] : 'NA';
    row.day = row.slot ? new Date(Date.UTC(2023, 0, pick(700))).toISOString().slice(0, 10) : 'NA';
    const logit = row.user / 10 - 1 + row.share - (row.town === 'Bern' ? 1 : 0);
    row.click = random() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
    row.buy = random() < 1 / (1 + Math.exp(-logit * row.share * 2)) ? 1 : 0;
    row.value = Math.fround(logit + 3 + row.age / 40);
    return row;
}
const rows = Array.from({ length: ROWS }, makeRow);
support.writeData(Object.keys(rows[0]), rows, (value) => [value].flat().join('|'));

// ---- Cases
const sized = { user: 20, friend: 20, slot: 5 };
const sparse = (...names) =>
    names.map((name) => ({
        name,
        embed_dim: 4,
        ...(name in sized ? { vocab_size: sized[name] } : {}),
    }));
const dense = [
    { name: 'age', transform: 'standardize' },
    { name: 'wage', transform: 'log1p_standardize' },
    { name: 'clock', transform: 'minmax' },
    { name: 'share' },
];
const gap = (more) => ({ name: 'gap', missing: 'mean', ...more });
const bins = { encoding: 'piecewise_linear', bins: 5 };
const date = { name: 'day', date: 'ymd', missing: 'mean', indicator: true };
const encoded = [
    dense[0],
    { name: 'wage', ...bins },
    gap({ transform: 'log1p_standardize', indicator: true }),
    { name: 'vector', dim: 3, missing: 'mean', indicator: true },
    ...dense.slice(2),
];
const task = (name, label, tower, type = 'classification') => ({
    name,
    label,
    type,
    tower_params: tower,
});
const twoTasks = [task('cvr', 'buy', { dims: [8] }), task('ctr', 'click', { dims: [8] })];
const census = { sparse: sparse('user', 'friend', 'slot', 'town'), dense };
const shared = [...sparse('slot', 'user'), { name: 'friend', embed_dim: 4, shared_with: 'user' }];
const model = (expert, more = {}) => ({
    name: 'mmoe',
    n_expert: 4,
    expert_params: { dims: [16], ...expert },
    ...more,
});
const withActivation = (activation) => [
    activation,
    census,
    [
        task('cvr', 'buy', { dims: [6], activation }),
        task('ctr', 'click', { dims: [6], activation }),
    ],
    model({ dims: [8], activation }),
];
const towers = [
    task('cvr', 'buy', { dims: [8], activation: 'prelu', batch_norm: false }),
    task('ctr', 'click', { dims: [] }),
    task('value', 'value', { dims: [5, 3], activation: 'dice' }, 'regression'),
];
const cases = [
    ['census', census, twoTasks, model({ dropout: 0.1 })],
    [
        'no batch norm',
        census,
        twoTasks.map((t) => ({ ...t, tower_params: { dims: [8], batch_norm: false } })),
        model({ batch_norm: false }),
    ],
    [
        'batch norm in the gates alone',
        census,
        twoTasks,
        model({ batch_norm: false }, { gate_params: { batch_norm: true } }),
    ],
    [
        'batch norm in the experts alone',
        census,
        twoTasks,
        model({}, { gate_params: { batch_norm: false } }),
    ],
    ['one task', census, twoTasks.slice(1), model({})],
    [
        'three tasks, of two types',
        census,
        [task('value', 'value', { dims: [4] }, 'regression'), ...twoTasks],
        model({}),
    ],
    ['regression', census, [task('value', 'value', { dims: [4] }, 'regression')], model({})],
    ...['standardize', 'log1p'].map((label_transform) => [
        `labels that are transformed: ${label_transform}`,
        census,
        [
            { ...task('value', 'value', { dims: [4] }, 'regression'), label_transform },
            task('plain', 'value', { dims: [4] }, 'regression'),
            ...twoTasks,
        ],
        model({}),
    ]),
    ...['relu', 'sigmoid', 'tanh', 'prelu', 'dice'].map(withActivation),
    ['deep experts', census, twoTasks, model({ dims: [12, 8, 6] })],
    [
        'deep experts, prelu, no batch norm',
        census,
        twoTasks,
        model({ dims: [12, 8], activation: 'prelu', batch_norm: false }),
    ],
    ['one expert', census, twoTasks, model({}, { n_expert: 1 })],
    ['shared tables', { sparse: shared, dense: dense.slice(3) }, twoTasks, model({})],
    ['towers that differ', census, towers, model({})],
    ['encodings', { sparse: sparse('town'), dense: encoded }, towers, model({})],
    ['bins with gaps', { dense: [gap({ ...bins, indicator: true })] }, twoTasks, model({})],
    ['a gap', { dense: [gap({ missing: 3 }), dense[3]] }, twoTasks, model({})],
    ['a date', { dense: [date, dense[1]] }, twoTasks, model({})],
    ['a date with gaps', { dense: [{ ...date, gaps: ['2023-02-03'] }] }, twoTasks, model({})],
    ['a date with hours', { dense: [{ ...date, hours: true }] }, twoTasks, model({})],
    ['a vector', { dense: [encoded[3], dense[1]] }, twoTasks, model({})],
    ['no dense columns', { sparse: sparse('user', 'town') }, twoTasks, model({})],
    ['no sparse columns', { dense: dense.slice(0, 3) }, twoTasks, model({})],
    ['single task', census, twoTasks, { name: 'single_task', expert_params: { dims: [16, 8] } }],
    ['shared bottom', census, towers, { name: 'shared_bottom', bottom_params: { dims: [32] } }],
    ['OMoE', census, twoTasks, { name: 'omoe', n_expert: 4 }],
    ['CGC', census, towers, { name: 'cgc' }],
    ['PLE', census, twoTasks, { name: 'ple' }],
    ['ESMM', census, twoTasks, { name: 'esmm' }],
    ['a linear part', census, towers, model({}, { linear: true })],
    ['ESMM, a linear part', census, twoTasks, { name: 'esmm', linear: true }],
    ['AITM', census, twoTasks, { name: 'aitm', bottom_params: { dims: [16] } }],
    [
        'AITM, three tasks, one kind of tower',
        census,
        [...twoTasks, task('again', 'click', { dims: [] })],
        { name: 'aitm', bottom_params: { dims: [12, 9], activation: 'tanh' } },
    ],
    [
        'gates with hidden layers',
        census,
        twoTasks,
        model({}, { gate_params: { dims: [16, 6], activation: 'prelu' } }),
    ],
    [
        'gates with a temperature',
        census,
        twoTasks,
        model({}, { gate_params: { temperature: 0.3 } }),
    ],
    [
        'one expert of four',
        census,
        towers,
        model({}, { gate_params: { top_k: 1, expert_dropout: 0.2 } }),
    ],
    [
        'three of six experts, no batch norm',
        census,
        twoTasks,
        model({ batch_norm: false }, { n_expert: 6, gate_params: { top_k: 3, load_balance: 1 } }),
    ],
    [
        'OMoE, three of four experts',
        census,
        twoTasks,
        { name: 'omoe', n_expert: 4, gate_params: { dims: [8], top_k: 3, temperature: 2 } },
    ],
    [
        'PLE, every gating',
        census,
        towers,
        {
            name: 'ple',
            n_expert_shared: 2,
            gate_params: {
                dims: [5],
                temperature: 0.5,
                top_k: 2,
                expert_dropout: 0.1,
                load_balance: 0.1,
            },
        },
    ],
    ['cross-stitch', census, towers, { name: 'cross_stitch', expert_params: { dims: [12, 8] } }],
    [
        'PLE, three levels, deep',
        census,
        towers,
        {
            name: 'ple',
            n_level: 3,
            expert_params: { dims: [8, 6], activation: 'prelu' },
            gate_params: { batch_norm: false },
        },
    ],
];

// ---- Comparison
function learnVocabulary(column) {
    // row 0: unknown; then in the order of first appearance
    const ids = new Map();
    for (const row of rows) if (!ids.has(row[column])) ids.set(row[column], ids.size + 1);
    return (value) => ids.get(value);
}

const days = (name, value) => (name === 'day' ? Date.parse(value) / 86400000 : value);

function makeFeeds(features, count) {
    const feeds = {};
    const ids = (features.sparse || []).map(({ name }) => [
        name,
        name in sized ? (value) => value : learnVocabulary(name),
    ]);
    if (ids.length) {
        const values = rows
            .slice(0, count)
            .flatMap((row) => ids.map(([name, id]) => BigInt(id(row[name]))));
        feeds.ids = new ort.Tensor('int64', BigInt64Array.from(values), [count, ids.length]);
    }
    if (features.dense) {
        // What has no logarithm is as what is missing.
        const nothing = ({ dim = 1, transform }, row) =>
            Array(dim).fill(transform === 'log1p_standardize' ? [NaN, -1, -7][row.user % 3] : NaN);
        const numbers = (feature, row) =>
            row[feature.name] === 'NA'
                ? nothing(feature, row)
                : days(feature.name, row[feature.name]);
        const values = rows
            .slice(0, count)
            .flatMap((row) => features.dense.flatMap((feature) => numbers(feature, row)));
        feeds.x = new ort.Tensor('float32', Float32Array.from(values), [
            count,
            values.length / count,
        ]);
    }
    return feeds;
}

async function check(features, tasks, shape) {
    const wanted = support.train({
        features,
        tasks,
        model: shape,
        trainer: { n_epoch: 4, batch_size: 64, optimizer_params: { lr: 0.02 }, seed: 3 },
    });
    support.expectLearned(wanted, tasks.length);
    const session = await support.open();
    support.expectEqual('inputs', session.inputNames, [
        ...(features.sparse ? ['ids'] : []),
        ...(features.dense ? ['x'] : []),
    ]);
    support.expectEqual('outputs', session.outputNames, ['scores']);
    let worst = 0;
    for (const count of [ROWS, 1]) {
        const { scores } = await session.run(makeFeeds(features, count));
        support.expectEqual('shape', scores.dims, [count, tasks.length]);
        const difference = support.compare('scores', scores.data, wanted, tasks.length, 1e-5);
        worst = Math.max(worst, difference);
    }
    return worst;
}

support.runCases(cases, check);
