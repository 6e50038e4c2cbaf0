// What the agent says of itself, asked for only while somebody looks at the tab.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});
    const BUSY_MS = 2000;
    const QUIET_MS = 10000;
    const watchers = new Set();
    let timer = 0;
    let looking = false;
    let running = Promise.resolve();

    const starting = (error) => ({
        agent: { state: error.code === 'unreachable' ? 'away' : 'starting', message: error.message },
        progress: { state: 'idle' },
        hub: { paired: false },
        checkpoint: null,
        problems: [],
        roots: [],
        models: 0,
        waiting: 0,
        claimed: 0,
        revision: null,
        scanned: false,
    });

    async function once() {
        clearTimeout(timer);
        try {
            status.last = await qm.routes.get('status');
        } catch (error) {
            status.last = starting(error);
        }
        try {
            for (const watcher of watchers) watcher(status.last);
        } finally {
            schedule();
        }
    }

    /** Ask now; what is being asked already may be older than what the person just did, so it does not count. */
    function ask() {
        running = running.then(once, once);
        return running;
    }

    function schedule() {
        clearTimeout(timer);
        if (!looking || document.hidden) return;
        const { agent, progress, hub } = status.last || {};
        const syncing = hub?.paired && hub.in_sync === false && !hub.error;
        const busy = progress?.state === 'hashing' || ['starting', 'away'].includes(agent?.state) || syncing;
        timer = setTimeout(ask, busy ? BUSY_MS : QUIET_MS);
    }

    /** Ask while the element can be seen, which a hidden tab of the web UI cannot. */
    function follow(element) {
        new IntersectionObserver((entries) => {
            const now = entries[entries.length - 1].isIntersecting;
            if (now && !looking) {
                looking = true;
                ask();
            }
            looking = now;
            if (!now) clearTimeout(timer);
        }).observe(element);
    }

    document.addEventListener('visibilitychange', () => {
        if (looking && !document.hidden) ask();
    });

    const status = { last: null, follow, ask, watch: (watcher) => watchers.add(watcher) };
    qm.status = status;
})();
