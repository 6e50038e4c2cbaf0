// One line of the inventory.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});

    /** The states of a file that a person should see at a glance; the normal one is silent. */
    function marks(row) {
        const { pill } = qm.dom;
        const found = [];
        if (row.state === 'waiting') found.push(pill('info', 'waiting', row.waiting));
        if (row.state === 'stale')
            found.push(pill('warn', 'stale', 'Its folder is away: the model is kept, not removed.'));
        if (row.hash_state === 'claimed')
            found.push(pill('quiet', 'claimed', 'The hash comes from a cache or a sidecar; it will be verified.'));
        if (row.corrected) found.push(pill('good', 'corrected', 'Set by hand'));
        if (row.conflicts) found.push(pill('warn', 'conflict', 'Something says otherwise: open it to see what'));
        if (row.copies > 1) found.push(pill('quiet', `${row.copies} copies`, 'The same file more than once'));
        return found;
    }

    const picture = (row) =>
        row.preview
            ? qm.dom.el('img', {
                  class: 'qm-thumb',
                  loading: 'lazy',
                  alt: '',
                  src: qm.routes.address('preview', { path: row.path }).href,
                  onerror: (event) => event.target.classList.add('qm-no-picture'),
              })
            : qm.dom.el('span', {
                  class: 'qm-thumb qm-no-picture',
                  'aria-hidden': 'true',
                  text: (row.type || '?').slice(0, 1),
              });

    /** The confidence as three steps, so that a guess does not look like a fact. */
    function certainty(row) {
        const { el } = qm.dom;
        if (!row.base_model && !row.ecosystem) return el('span', { class: 'qm-muted', text: 'unknown' });
        const level = row.corrected || row.confidence >= 0.9 ? 3 : row.confidence >= 0.7 ? 2 : 1;
        const words = ['', 'a guess', 'likely', 'sure'][level];
        return el(
            'span',
            { class: 'qm-base' },
            el('span', { text: row.base_model || row.ecosystem }),
            el('span', {
                class: `qm-sure qm-sure-${level}`,
                role: 'img',
                'aria-label': words,
                title: row.corrected ? 'set by hand' : `${words} (${Math.round(row.confidence * 100)} %)`,
            }),
        );
    }

    function make(row, { chosen, onpick, onopen, opened }) {
        const { el } = qm.dom;
        const { bytes, date } = qm.format;
        const pick = el('input', {
            type: 'checkbox',
            'aria-label': `Select ${row.name}`,
            checked: chosen.has(row.path),
        });
        pick.addEventListener('change', () => {
            pick.checked ? chosen.set(row.path, row) : chosen.delete(row.path);
            onpick();
        });
        const name = el(
            'button',
            { type: 'button', class: 'qm-name', onclick: () => onopen(row, name) },
            el('span', { text: row.name }),
        );
        const folder = row.path.slice(0, Math.max(0, row.path.lastIndexOf('/')));
        const line = el(
            'tr',
            { dataset: { path: row.path }, class: row.path === opened ? 'qm-current' : '' },
            el('td', { class: 'qm-col-pick' }, pick),
            el(
                'td',
                { class: 'qm-col-name' },
                el(
                    'div',
                    { class: 'qm-name-cell' },
                    picture(row),
                    el(
                        'div',
                        { class: 'qm-name-lines' },
                        el('div', {}, name, ...marks(row)),
                        el('div', {
                            class: 'qm-muted qm-path',
                            text: row.title && row.title !== row.name ? `${row.title} · ${folder}` : folder,
                            title: row.path,
                        }),
                    ),
                ),
            ),
            el('td', { class: 'qm-col-type', text: row.type }),
            el('td', { class: 'qm-col-ecosystem' }, certainty(row)),
            el('td', { class: 'qm-col-size', text: bytes(row.size) }),
            el('td', { class: 'qm-col-date', text: date(row.mtime) }),
        );
        line.addEventListener('click', (event) => {
            if (!event.target.closest('input, button, a') && !String(getSelection())) onopen(row, name);
        });
        return line;
    }

    qm.row = { make, marks, certainty, picture };
})();
