// The picture of all ecosystems: rows are checkpoints, columns are add-ons; colour and shape say the grade.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});
    const TYPES = ['LORA', 'TextualInversion', 'VAE', 'Controlnet', 'Hypernetwork', 'Upscaler'];
    const GRADES = ['Full', 'Partial', 'Unknown', 'None'];
    const WORDS = { Full: 'works', Partial: 'may work', Unknown: 'unknown', None: 'does not work' };

    const cellClass = (grade) => `qm-cell qm-cell-${grade.toLowerCase()}`;

    function make(node) {
        const { el, select, failed } = qm.dom;
        const readout = el('p', {
            class: 'qm-readout',
            'aria-live': 'polite',
            text: 'Point at a square, or move with the arrow keys.',
        });
        const picture = el('div', { class: 'qm-matrix-scroll' });
        const type = select(
            'Kind of add-on',
            TYPES.map((name) => [name, name]),
            'LORA',
            load,
        );
        node.append(
            el('div', { class: 'qm-card-head' }, el('h3', { text: 'Which ecosystems work together' }), type),
            el(
                'div',
                { class: 'qm-legend' },
                GRADES.map((grade) =>
                    el(
                        'span',
                        {},
                        el('i', { class: cellClass(grade), 'aria-hidden': 'true' }),
                        el('span', { text: WORDS[grade] }),
                    ),
                ),
            ),
            picture,
            readout,
        );

        const ask = qm.routes.latest((signal) => qm.routes.get('compatibility/matrix', { type: type.value }, signal));
        async function load() {
            try {
                const answer = await ask();
                if (answer) picture.replaceChildren(table(answer, readout));
            } catch (error) {
                picture.replaceChildren(failed(error, load));
            }
            mark(node, node.dataset.ecosystem);
        }
        load();
    }

    /** The table; one cell at a time is in the tab order, arrows move it, and its row and column light up. */
    function table(answer, readout) {
        const { el } = qm.dom;
        const { ecosystems, grades } = answer;
        const cells = grades.map((row, y) =>
            row.map((grade, x) =>
                el('td', {
                    class: cellClass(grade),
                    tabindex: x + y ? '-1' : '0',
                    dataset: { x: String(x), y: String(y) },
                    'aria-label': `${ecosystems[x]} ${answer.type} on ${ecosystems[y]}: ${grade}`,
                }),
            ),
        );
        const heads = ecosystems.map((name) => el('th', { scope: 'col' }, el('span', { text: name })));
        const sides = ecosystems.map((name) => el('th', { scope: 'row', text: name }));
        const node = el(
            'table',
            { class: 'qm-matrix' },
            el('thead', {}, el('tr', {}, el('td', { class: 'qm-corner', text: 'checkpoint ↓   add-on →' }), heads)),
            el(
                'tbody',
                {},
                cells.map((row, y) => el('tr', { dataset: { ecosystem: ecosystems[y] } }, sides[y], row)),
            ),
        );
        let lit = [];
        const light = (x, y) => {
            for (const one of lit) one.classList.remove('qm-lit');
            lit = [heads[x], sides[y], ...cells[y], ...cells.map((row) => row[x])];
            for (const one of lit) one.classList.add('qm-lit');
            const grade = grades[y][x];
            const pair = `${ecosystems[x]} ${answer.type} on ${ecosystems[y]} checkpoints`;
            readout.textContent = `${pair}: ${WORDS[grade]} (${grade})`;
        };
        const at = (event) => event.target.closest('td.qm-cell');
        node.addEventListener('mouseover', (event) => {
            const cell = at(event);
            if (cell) light(+cell.dataset.x, +cell.dataset.y);
        });
        node.addEventListener('focusin', (event) => {
            const cell = at(event);
            if (cell) light(+cell.dataset.x, +cell.dataset.y);
        });
        node.addEventListener('keydown', (event) => {
            const cell = at(event);
            const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
            const to = cell && step && cells[+cell.dataset.y + step[1]]?.[+cell.dataset.x + step[0]];
            if (!to) return;
            event.preventDefault();
            cell.tabIndex = -1;
            to.tabIndex = 0;
            to.focus();
        });
        return node;
    }

    /** Mark the row of the chosen checkpoint's ecosystem. */
    function mark(node, ecosystem) {
        if (ecosystem) node.dataset.ecosystem = ecosystem;
        else delete node.dataset.ecosystem;
        for (const row of node.querySelectorAll('tbody tr'))
            row.classList.toggle('qm-mine', row.dataset.ecosystem === ecosystem);
    }

    qm.matrix = { make, mark };
})();
