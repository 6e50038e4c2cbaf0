// The state of the agent: chips beside the sub-tabs, and a strip below them while files are read.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});
    const AGENT = {
        starting: "Quartermaster's agent is starting…",
        stopped: 'The agent is stopped.',
        failed: 'The agent could not start.',
        away: 'The web UI does not answer.',
    };

    const hubChip = ({ hub }) => {
        if (!hub.paired) return ['quiet', 'no hub', 'Pair this web UI with a hub to see the other servers.'];
        if (hub.error) return ['warn', 'hub away', hub.error];
        return hub.in_sync === false ? ['info', 'syncing', hub.address] : ['good', 'in sync', hub.address];
    };

    /** The chips; drawn anew only where they say something else, so that the focus stays where it is. */
    function chips() {
        const { el, pill } = qm.dom;
        const { count, plural } = qm.format;
        const node = el('div', { class: 'qm-chips' });
        let drawn = '';
        qm.status.watch((status) => {
            const { agent, server_id: server, models, waiting, problems } = status;
            const [kind, text, title] = hubChip(status);
            const state = JSON.stringify([agent.state, server, models, waiting, problems.length, kind, text, title]);
            if (state === drawn) return;
            drawn = state;
            if (agent.state !== 'running') {
                node.replaceChildren(pill(agent.state === 'failed' ? 'bad' : 'warn', agent.state));
                return;
            }
            const folders = (look, words, about) =>
                el('button', {
                    type: 'button',
                    class: look,
                    text: words,
                    title: about,
                    'aria-controls': 'qm-folders',
                    'aria-expanded': 'false',
                    onclick: (event) => qm.folders.toggle(event.currentTarget),
                });
            const busy = 'Files that are still being written or wait to be read';
            node.replaceChildren(
                el('span', { class: 'qm-server', text: server || '', title: 'The name of this server' }),
                folders('qm-count', plural(models, 'model'), 'Show the folders'),
                waiting ? pill('info', `${count(waiting)} waiting`, busy) : '',
                problems.length
                    ? folders('qm-pill qm-pill-warn', plural(problems.length, 'problem'), 'Show what is not listed')
                    : '',
                el('button', {
                    type: 'button',
                    class: `qm-pill qm-pill-${kind}`,
                    text,
                    title,
                    onclick: () => qm.choose('hub'),
                }),
            );
        });
        return node;
    }

    /** The hashing progress with rate, time left and a button to pause; or why the agent does not run. */
    function strip() {
        const { el, button, during } = qm.dom;
        const bar = el('div', { class: 'qm-bar-fill' });
        const words = el('span', { class: 'qm-strip-words' });
        const meter = el(
            'div',
            {
                class: 'qm-bar',
                role: 'progressbar',
                'aria-label': 'Hashing',
                'aria-valuemin': '0',
                'aria-valuemax': '100',
            },
            bar,
        );
        let paused = false;
        const pause = button(
            'Pause',
            () =>
                during(pause, async () => {
                    await qm.routes.post('pause', { paused: !paused });
                    await qm.status.ask();
                }),
            { class: 'qm-button qm-small' },
        );
        const node = el('div', { class: 'qm-strip', hidden: true }, words, meter, pause);
        qm.status.watch(({ agent, progress }) => {
            const broken = AGENT[agent.state];
            paused = progress.state === 'paused';
            node.hidden = !broken && progress.state === 'idle';
            meter.hidden = pause.hidden = Boolean(broken);
            node.classList.toggle('qm-strip-bad', agent.state === 'failed');
            if (broken) {
                words.textContent = agent.message && agent.message !== broken ? `${broken} ${agent.message}` : broken;
            } else if (!node.hidden) {
                const share = progress.bytes_total
                    ? Math.min(100, (100 * progress.bytes_done) / progress.bytes_total)
                    : 0;
                bar.style.width = `${share}%`;
                meter.setAttribute('aria-valuenow', String(Math.round(share)));
                words.textContent = sentence(progress, share);
                pause.textContent = paused ? 'Resume' : 'Pause';
                pause.hidden = paused && progress.reason === 'generating';
            }
        });
        return node;
    }

    function sentence(progress, share) {
        const { bytes, count, seconds } = qm.format;
        const done = `${count(progress.files_done)} of ${count(progress.files_total)} files, ${Math.floor(share)} %`;
        if (progress.state === 'paused') {
            return `Hashing paused${progress.reason === 'generating' ? ' while images are generated' : ''}: ${done}`;
        }
        const rate = progress.bytes_per_second ? ` · ${bytes(progress.bytes_per_second)}/s` : '';
        const left = progress.eta_seconds ? ` · ${seconds(progress.eta_seconds)} left` : '';
        return `Hashing ${done}${rate}${left}`;
    }

    qm.progress = { chips, strip };
})();
