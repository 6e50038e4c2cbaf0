// "Hide incompatible" in the controls of each extra-networks page. One class on the page does it: no card is touched.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});
    const MEMORY = 'quartermaster.hide-incompatible';
    const CLASS = 'qm-hide-incompatible';
    let on = false;
    try {
        on = localStorage.getItem(MEMORY) === '1';
    } catch (_) {
        /* private window */
    }

    function set(value) {
        on = value;
        try {
            localStorage.setItem(MEMORY, on ? '1' : '0');
        } catch (_) {
            /* it holds until the page is left */
        }
        document.body.classList.toggle(CLASS, on);
        for (const one of window.gradioApp().querySelectorAll('.qm-filter'))
            one.setAttribute('aria-pressed', String(on));
    }

    /** Put the button into every row of controls that has none; the checkpoints' page needs none. */
    function ensure() {
        for (const controls of window.gradioApp().querySelectorAll('.extra-network-control')) {
            if (controls.id.includes('checkpoints') || controls.querySelector('.qm-filter')) continue;
            controls.append(
                qm.dom.el('button', {
                    type: 'button',
                    class: 'qm-filter',
                    'aria-pressed': String(on),
                    title: 'Hide what cannot work with the checkpoint',
                    text: 'Hide incompatible',
                    onclick: () => set(!on),
                }),
            );
        }
    }

    window.onUiLoaded(() => {
        set(on);
        ensure();
        setTimeout(ensure, 1500);
    });
    window.onAfterUiUpdate(ensure);
    qm.filter = { ensure };
})();
