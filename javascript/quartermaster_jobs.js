// The sub-tab Jobs: whether this web UI takes jobs, and the fleet's jobs as they are now.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});
    const BUSY_MS = 1500;
    const QUIET_MS = 5000;
    const STATES = {
        pending: ['info', '◷', 'waiting'],
        processing: ['warn', '▶', 'running'],
        completed: ['good', '✓', 'done'],
        failed: ['bad', '✕', 'failed'],
        cancelled: ['quiet', '⊘', 'cancelled'],
    };
    const FILTERS = [
        ['', 'All jobs'],
        ['waiting', 'Waiting'],
        ['running', 'Running'],
        ['done', 'Done'],
        ['failed', 'Failed'],
        ['cancelled', 'Cancelled'],
    ];
    const PHASES = { preparing: 'preparing', loading: 'loading the model', running: 'generating', saving: 'saving' };
    const PRIORITIES = [-10, -5, 0, 5, 10];

    function make(panel) {
        const { el, select, empty, failed } = qm.dom;
        const here = qm.jobsHere.make();
        const list = el('div', { class: 'qm-jobs' });
        const note = el('div', {});
        const drawn = new Map();
        const opened = new Set();
        let state = '';
        let timer = 0;
        const filter = select('Which jobs', FILTERS, '', (value) => {
            state = value;
            load();
        });
        panel.append(here.node, el('div', { class: 'qm-toolbar' }, filter), note, list);

        const ask = qm.routes.latest((signal) => qm.routes.get('jobs', { state: state || null }, signal));
        const visible = () => panel.offsetParent !== null && !document.hidden;

        async function load() {
            clearTimeout(timer);
            let busy = false;
            try {
                const answer = await ask();
                if (!answer) return;
                note.replaceChildren();
                draw(answer.jobs);
                busy = answer.jobs.some((job) => job.state === 'processing' || job.state === 'pending');
            } catch (error) {
                note.replaceChildren(
                    error.code === 'not_paired'
                        ? empty('No hub', 'Jobs are shared over a hub. Pair this web UI with one on the page Hub.')
                        : failed(error, load),
                );
                if (error.code === 'not_paired') draw(null);
            }
            again(busy);
        }

        function again(busy) {
            clearTimeout(timer);
            timer = setTimeout(() => (visible() ? load() : again(busy)), busy ? BUSY_MS : QUIET_MS);
        }

        /** Draw what changed only, so that what a person opened or points at stays. */
        function draw(jobs) {
            if (jobs && !jobs.length) {
                list.replaceChildren(
                    empty('No jobs', 'Queue one with “Queue on fleet” beside Generate, or on the hub’s page Queue.'),
                );
                drawn.clear();
                return;
            }
            const order = (jobs || []).map((job) => {
                const text = JSON.stringify(job);
                const known = drawn.get(job.id);
                if (known?.text === text) return known.node;
                const node = card(job, opened, load);
                drawn.set(job.id, { text, node });
                return node;
            });
            for (const id of drawn.keys()) if (!(jobs || []).some((job) => job.id === id)) drawn.delete(id);
            if (order.length !== list.children.length || order.some((node, index) => list.children[index] !== node)) {
                list.replaceChildren(...order);
            }
        }

        return {
            show() {
                here.load();
                load();
            },
            status() {
                here.load();
            },
        };
    }

    function stateOf(job) {
        const { el } = qm.dom;
        const [kind, shape, words] = STATES[job.state] || ['quiet', '·', job.state];
        return el(
            'span',
            { class: `qm-pill qm-pill-${kind} qm-job-state` },
            el('span', { 'aria-hidden': 'true', text: shape }),
            ` ${words}`,
        );
    }

    /** Why it is where it is, in one line. */
    function lineOf(job) {
        if (job.state === 'pending') return job.waiting?.message || 'it is next for a server that takes jobs';
        if (job.state === 'failed') return job.error?.message || job.error?.code || 'it failed';
        if (job.state !== 'processing') return '';
        const left = job.eta_seconds ? ` · ${qm.format.seconds(job.eta_seconds)} left` : '';
        return `${PHASES[job.phase] || 'running'}${left}`;
    }

    const picture = (job, n, version) => qm.routes.address('jobs/image', { id: job.id, n, v: version });

    function thumbnail(job) {
        const { el } = qm.dom;
        const source =
            job.state === 'processing'
                ? picture(job, null, Math.round(job.progress * 1000))
                : job.images.length
                  ? picture(job, job.images[0].n, null)
                  : null;
        const image = source
            ? el('img', { src: source.href, alt: '', loading: 'lazy', onerror: () => image.remove() })
            : null;
        return el('div', { class: 'qm-job-thumb' }, image);
    }

    function card(job, opened, reload) {
        const { el } = qm.dom;
        const percent = Math.round(job.progress * 100);
        const details = el('details', { class: 'qm-job-more', open: opened.has(job.id) });
        const fill = () => details.append(...more(job, reload));
        details.append(el('summary', { text: 'Details' }));
        if (details.open) fill();
        details.addEventListener('toggle', () => {
            if (details.open && details.children.length === 1) fill();
            if (details.open) opened.add(job.id);
            else opened.delete(job.id);
        });
        return el(
            'article',
            { class: 'qm-job qm-card', dataset: { id: job.id, state: job.state } },
            thumbnail(job),
            el(
                'div',
                { class: 'qm-job-main' },
                el(
                    'div',
                    { class: 'qm-job-head' },
                    stateOf(job),
                    el('strong', { class: 'qm-job-title', text: job.title || '(no prompt)' }),
                    el('span', { class: 'qm-muted', text: where(job) }),
                ),
                job.state === 'processing'
                    ? el(
                          'div',
                          {
                              class: 'qm-bar',
                              role: 'progressbar',
                              'aria-label': 'Progress',
                              'aria-valuemin': '0',
                              'aria-valuemax': '100',
                              'aria-valuenow': String(percent),
                          },
                          el('div', { class: 'qm-bar-fill', style: `width:${percent}%` }),
                      )
                    : '',
                el('p', { class: 'qm-job-line', text: lineOf(job) }),
                job.state === 'completed' ? '' : needs(job),
                details,
            ),
            el('div', { class: 'qm-actions qm-job-actions' }, ...actions(job, reload)),
        );
    }

    /** One indicator per model, small; the whole list is in the details. */
    function needs(job) {
        const { el } = qm.dom;
        return el(
            'div',
            { class: 'qm-job-needs' },
            job.requirements
                .slice(0, 8)
                .map((one) =>
                    el('span', { class: 'qm-job-need', title: one.role }, el('span', { text: one.name || '?' }), qm.requirements.indicator(one.status)),
                ),
            job.requirements.length > 8 ? el('span', { class: 'qm-muted', text: `+${job.requirements.length - 8}` }) : '',
        );
    }

    function where(job) {
        const server = job.server_id || (job.target_server_id ? `for ${job.target_server_id}` : 'any server');
        return `${server}${job.here ? ' (here)' : ''} · ${qm.format.ago(job.created_at)}`;
    }

    function more(job, reload) {
        const { el, select } = qm.dom;
        return [
            qm.requirements.list(job.requirements),
            ...qm.requirements.words(job.warnings).map((text) => el('p', { class: 'qm-note', text })),
            job.state === 'pending'
                ? el(
                      'label',
                      { class: 'qm-queue-field' },
                      el('span', { text: 'Priority' }),
                      select(
                          'Priority',
                          PRIORITIES.map((value) => [String(value), String(value)]),
                          String(job.priority),
                          (value) => act('priority', { id: job.id, priority: Number(value) }, reload),
                      ),
                  )
                : '',
            el(
                'div',
                { class: 'qm-job-images' },
                job.images.map((image) => {
                    const address = picture(job, image.n, null).href;
                    return el(
                        'a',
                        { href: address, target: '_blank', rel: 'noopener' },
                        el('img', { src: address, alt: `Image ${image.n + 1}`, loading: 'lazy' }),
                    );
                }),
            ),
            el('p', {
                class: 'qm-muted qm-path',
                text: [job.id, job.submitted_by ? `by ${job.submitted_by}` : '', job.attempts.length > 1 ? `attempt ${job.attempts.length}` : '']
                    .filter(Boolean)
                    .join(' · '),
            }),
        ].filter(Boolean);
    }

    function actions(job, reload) {
        const { button, during } = qm.dom;
        const one = (text, what, look = '') => {
            const node = button(text, () => during(node, () => act(what, { id: job.id }, reload)), {
                class: `qm-button qm-small ${look}`,
            });
            return node;
        };
        if (job.state === 'pending' || job.state === 'processing') return [one('Cancel', 'cancel', 'qm-danger')];
        return job.state === 'failed' || job.state === 'cancelled' ? [one('Queue again', 'retry')] : [];
    }

    async function act(what, body, reload) {
        try {
            await qm.routes.post(`jobs/${what}`, body);
        } catch (error) {
            qm.dom.say(error.message, 'bad');
        }
        await reload();
    }

    /** Bring the tab Quartermaster to the front, with this page. */
    function open() {
        const tabs = [...window.gradioApp().querySelectorAll('#tabs > .tab-nav > button')];
        tabs.find((tab) => tab.textContent.trim() === 'Quartermaster')?.click();
        qm.choose?.('jobs');
    }

    qm.jobs = { open };
    qm.views = qm.views || [];
    qm.views.push({ id: 'jobs', label: 'Jobs', order: 3.5, make });
})();
