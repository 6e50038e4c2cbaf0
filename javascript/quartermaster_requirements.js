// What a job asks for and what became of it: each model with where it is (colour, shape and word) and whether it fits.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});
    const STATES = {
        available: ['good', '●', 'available'],
        stale: ['warn', '◐', 'server not heard of lately'],
        offline: ['warn', '◌', 'server offline'],
        downloadable: ['info', '↓', 'can be downloaded'],
        unavailable: ['bad', '✕', 'nobody has it'],
        ambiguous: ['warn', '≈', 'several fit'],
        unknown: ['bad', '?', 'unknown'],
    };
    const ROLES = {
        checkpoint: 'Checkpoint',
        refiner: 'Refiner',
        unet: 'UNet',
        vae: 'VAE',
        module: 'VAE or text encoder',
        text_encoder: 'Text encoder',
        lora: 'LoRA',
        embedding: 'Embedding',
        hypernetwork: 'Hypernetwork',
        controlnet: 'ControlNet',
        upscaler: 'Upscaler',
        detector: 'Detector',
    };

    /** One indicator; it says the same in colour, shape and word. */
    function indicator(status) {
        const { el } = qm.dom;
        const [kind, shape, words] = STATES[status] || ['quiet', '·', String(status || 'unknown')];
        return el(
            'span',
            { class: `qm-pill qm-pill-${kind} qm-indicator`, dataset: { status: String(status) } },
            el('span', { 'aria-hidden': 'true', text: shape }),
            ` ${words}`,
        );
    }

    const hex = (hash) => (hash ? String(hash).slice(0, 10) : '');

    function row(one) {
        const { el, grade } = qm.dom;
        const servers = (one.servers || []).map((server) => server.alias || server.server_id || server);
        const candidates = (one.candidates || []).map((model) => model.name || hex(model.sha256 || model.autov2));
        return el(
            'li',
            { class: 'qm-need' },
            el('span', { class: 'qm-need-role', text: ROLES[one.role] || one.role }),
            el(
                'span',
                { class: 'qm-need-name' },
                el('strong', { text: one.name || one.model?.name || hex(one.hash) || '?' }),
                one.weight === null || one.weight === undefined
                    ? ''
                    : el('span', { class: 'qm-muted', text: ` × ${one.weight}` }),
                candidates.length
                    ? el('span', { class: 'qm-muted qm-path', text: ` could be ${candidates.join(', ')}` })
                    : '',
            ),
            indicator(one.status),
            el('span', {
                class: 'qm-muted qm-need-where',
                text: servers.length > 3 ? `${servers.slice(0, 3).join(', ')} +${servers.length - 3}` : servers.join(', '),
                title: servers.join(', '),
            }),
            one.fit?.grade ? grade(one.fit.grade, one.fit.reason || '') : el('span', {}),
        );
    }

    const list = (requirements) => qm.dom.el('ul', { class: 'qm-needs' }, (requirements || []).map(row));

    /** Sentences of the hub: each warning is a text or has a message. */
    const words = (listed) => (listed || []).map((one) => one?.message || String(one || '')).filter(Boolean);

    qm.requirements = { list, indicator, words };
})();
