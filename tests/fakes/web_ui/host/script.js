// The hosts' page functions that extensions and cards call, as far as the stand-in needs them.
var uiUpdateCallbacks = [], uiAfterUpdateCallbacks = [], uiLoadedCallbacks = [], uiTabChangeCallbacks = [];
var opts = {}, uiCurrentTab = null, executedOnLoaded = false, uiAfterUpdateTimeout = null, desiredCheckpointName = null;

function gradioApp() {
    const elems = document.getElementsByTagName('gradio-app');
    const elem = elems.length == 0 ? document : elems[0];
    if (elem !== document) elem.getElementById = (id) => document.getElementById(id);
    return elem.shadowRoot ? elem.shadowRoot : elem;
}
function get_uiCurrentTab() { return gradioApp().querySelector('#tabs > .tab-nav > button.selected'); }
function onUiUpdate(callback) { uiUpdateCallbacks.push(callback); }
function onAfterUiUpdate(callback) { uiAfterUpdateCallbacks.push(callback); }
function onUiLoaded(callback) { uiLoadedCallbacks.push(callback); }
function onUiTabChange(callback) { uiTabChangeCallbacks.push(callback); }
function onOptionsChanged() {}
function executeCallbacks(queue, arg) {
    for (const callback of queue) {
        try { callback(arg); } catch (e) { console.error('error running callback', callback, ':', e); }
    }
}
document.addEventListener('DOMContentLoaded', () => {
    new MutationObserver((records) => {
        if (!executedOnLoaded && gradioApp().querySelector('#txt2img_prompt')) {
            executedOnLoaded = true;
            executeCallbacks(uiLoadedCallbacks);
            ['txt2img', 'img2img'].forEach(standInMoveControls);
        }
        executeCallbacks(uiUpdateCallbacks, records);
        clearTimeout(uiAfterUpdateTimeout);
        uiAfterUpdateTimeout = setTimeout(() => executeCallbacks(uiAfterUpdateCallbacks), 200);
        const tab = get_uiCurrentTab();
        if (tab && tab !== uiCurrentTab) { uiCurrentTab = tab; executeCallbacks(uiTabChangeCallbacks); }
    }).observe(gradioApp(), {childList: true, subtree: true});
});

function randomId() { return 'task(' + Math.random().toString(36).slice(2, 9) + ')'; }
function submit() { const given = Array.from(arguments); given[0] = randomId(); return given; }
function submit_img2img() {
    const given = Array.from(arguments);
    given[0] = randomId();
    given[1] = get_tab_index('mode_img2img');
    return given;
}
function get_tab_index(tabId) {
    const buttons = gradioApp().getElementById(tabId).querySelector('div').querySelectorAll('button');
    return Math.max(0, [...buttons].findIndex((button) => button.classList.contains('selected')));
}
const contextMenu = {};
function appendContextMenuOption(selector, name, call) { (contextMenu[selector] ||= []).push([name, call]); }
document.addEventListener('contextmenu', (event) => {
    document.getElementById('context-menu')?.remove();
    for (const [selector, entries] of Object.entries(contextMenu)) {
        if (!event.composedPath()[0].matches(selector)) continue;
        event.preventDefault();
        const menu = document.createElement('nav');
        menu.id = 'context-menu';
        for (const [name, call] of entries) {
            const entry = document.createElement('a');
            entry.innerHTML = name;
            entry.addEventListener('click', () => { menu.remove(); call(); });
            menu.append(entry);
        }
        gradioApp().append(menu);
    }
});

function updateInput(target) { target.dispatchEvent(new Event('input', {bubbles: true})); }
function cardClicked(tabname, text) {
    const area = gradioApp().querySelector('#' + tabname + '_prompt textarea');
    area.value = (area.value + ' ' + text).trim();
    updateInput(area);
}
function selectCheckpoint(name) { desiredCheckpointName = name; gradioApp().getElementById('change_checkpoint').click(); }
function extraNetworksCopyCardPath(event) { event.stopPropagation(); }
function extraNetworksEditUserMetadata(event) { event.stopPropagation(); }
function extraNetworksControlRefreshOnClick(event, tabname, page) {
    gradioApp().getElementById(tabname + '_' + page + '_extra_refresh_internal').click();
}
// The controls of each page stand in the row of tabs, moved there once; a refreshed pane brings hidden doubles.
function standInMoveControls(tabname) {
    const nav = gradioApp().querySelector('#' + tabname + '_extra_tabs > div.tab-nav');
    const place = document.createElement('div');
    place.className = 'extra-networks-controls-div';
    nav.appendChild(place);
    gradioApp().querySelectorAll('#' + tabname + '_extra_tabs .extra-network-control').forEach((one) => {
        one.querySelector('input').addEventListener('input', () => standInSearch(one.id.replace(/_controls$/, '')));
        place.appendChild(one);
    });
}
function standInShowControls(tabname, full) {
    gradioApp().querySelectorAll('#' + tabname + '_extra_tabs .extra-networks-controls-div > div').forEach((one) => {
        one.style.display = one.id == full + '_controls' ? '' : 'none';
    });
}
function standInSearch(full) {
    const wanted = gradioApp().getElementById(full + '_extra_search').value.toLowerCase();
    gradioApp().querySelectorAll('#' + full + ' div.card').forEach((card) => {
        const text = [...card.querySelectorAll('.search_terms')].map((t) => t.textContent.toLowerCase()).join(' ');
        card.classList.toggle('hidden', !text.includes(wanted));
    });
    standInSort(full);
}
function standInSort(full) {
    const parent = gradioApp().querySelector('#' + full + '_cards');
    const cards = [...gradioApp().querySelectorAll('#' + full + ' div.card')];
    cards.sort((a, b) => (a.dataset.sortName < b.dataset.sortName ? 1 : -1));
    parent.innerHTML = '';
    parent.append(...cards);
}
function restart_reload() {
    document.body.innerHTML = '<h1 style="font-family:monospace;margin-top:20%;text-align:center;">Reloading...</h1>';
    const ask = () => fetch('internal/ping').then((r) => { if (!r.ok) throw r; location.reload(); })
        .catch(() => setTimeout(ask, 500));
    setTimeout(ask, 2000);
    return [];
}
