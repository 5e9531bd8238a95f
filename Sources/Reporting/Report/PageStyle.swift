// How a report looks and what its few lines of script do. It loads nothing: style and script are part of the page.

enum PageStyle {
    static let css: StaticString = """
        :root{color-scheme:light dark;--bg:#f7f7f5;--card:#fff;--ink:#1d2327;--soft:#5d666e;--line:#e1e3e1;\
        --accent:#0b6bcb;--bar:#4a90d9;--good:#1a7f4b;--bad:#b3261e;--warn:#8a5a00;--violet:#6b3fa0;--hover:#eef3f8}
        @media(prefers-color-scheme:dark){:root{--bg:#14171a;--card:#1c2024;--ink:#e4e7ea;--soft:#9aa4ad;--line:#30363c;\
        --accent:#6cb0f5;--bar:#3f7fc4;--good:#5fc992;--bad:#ff8a80;--warn:#e3b35b;--violet:#bd9bf0;--hover:#252b31}}
        *{box-sizing:border-box}html{scroll-behavior:smooth;scroll-padding-top:3.4rem}
        @media(prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
        body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
        code,.m{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.87em}
        header,main{max-width:76rem;margin:0 auto;padding:0 1.25rem}header{padding-top:1.75rem}
        h1,h1.m{font-size:1.35rem;margin:0 0 .2rem;overflow-wrap:anywhere;font-weight:650}
        h1+p{margin:0;color:var(--soft);overflow-wrap:anywhere}
        h2{font-size:1.12rem;margin:0 0 .75rem;font-weight:650}h3{font-size:.95rem;margin:1.1rem 0 .4rem}
        .figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.75rem;margin:1.25rem 0}
        .figures div{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.65rem .9rem}
        .figures b{display:block;font-size:1.35rem;font-weight:650;font-variant-numeric:tabular-nums}
        .figures span{color:var(--soft);font-size:.85rem}
        nav{position:sticky;top:0;z-index:2;background:var(--bg);border-bottom:1px solid var(--line)}
        nav ul{display:flex;gap:.15rem;max-width:76rem;margin:0 auto;padding:.4rem 1rem;list-style:none;overflow-x:auto}
        nav a{display:block;padding:.25rem .65rem;border-radius:7px;color:var(--ink);text-decoration:none;white-space:nowrap}
        nav a:hover{background:var(--hover)}a{color:var(--accent)}
        :focus-visible{outline:2px solid var(--accent);outline-offset:1px;border-radius:4px}
        section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.1rem 1.25rem;margin:1.1rem 0}
        section>p{color:var(--soft);margin:-.4rem 0 .8rem;max-width:60rem}
        table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.28rem .6rem;vertical-align:top;\
        border-bottom:1px solid var(--line);overflow-wrap:anywhere}tr:last-child td{border-bottom:0}
        th{color:var(--soft);font-weight:550;font-size:.85rem;white-space:nowrap}tbody tr:hover{background:var(--hover)}
        .n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
        th button{all:unset;cursor:pointer}th button:hover{color:var(--accent)}
        th button:focus-visible{outline:2px solid var(--accent)}
        th[aria-sort=descending] button::after{content:" ↓"}th[aria-sort=ascending] button::after{content:" ↑"}
        .scroll{overflow-x:auto}
        details>summary{cursor:pointer;border-radius:5px;list-style:none;padding:.08rem .3rem}
        details>summary::-webkit-details-marker{display:none}
        details>summary::before{content:"▸";display:inline-block;width:1rem;color:var(--soft)}
        details[open]>summary::before{content:"▾"}
        summary{overflow-wrap:anywhere}summary:hover,.leaf:hover{background:var(--hover)}
        .tree details{margin-left:1.05rem}.tree>details{margin-left:0}
        .leaf{margin-left:1.05rem;padding:.08rem .3rem .08rem 1.3rem;border-radius:5px;overflow-wrap:anywhere}
        .more{color:var(--soft);margin-left:2.3rem;font-size:.88rem}
        .d{font-size:.76rem;border:1px solid currentColor;border-radius:5px;padding:0 .34rem;margin-left:.4rem;\
        white-space:nowrap;color:var(--soft)}
        .written,.changed{color:var(--warn)}.created{color:var(--good)}.deleted,.failed{color:var(--bad)}
        .run{color:var(--violet)}.read{color:var(--accent)}.absent{border-style:dashed}
        .tools{display:flex;flex-wrap:wrap;gap:.5rem;margin-bottom:.7rem;align-items:center}
        .tools input,.tools select,.tools button{font:inherit;color:inherit;background:var(--bg);\
        border:1px solid var(--line);border-radius:7px;padding:.28rem .65rem}
        .tools input{flex:1 1 14rem;min-width:8rem}.tools button{cursor:pointer}.tools button:hover{background:var(--hover)}
        .life{display:grid;grid-template-columns:minmax(8rem,19rem) 1fr 5rem;gap:.7rem;align-items:center;\
        border-radius:5px;padding:0 .3rem}.life:hover{background:var(--hover)}
        .life .who{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}.life .pid{color:var(--soft)}
        .life svg{width:100%;height:14px;display:block}.life rect{fill:var(--bar)}.life .killed{fill:var(--bad)}
        .life .nonzero{fill:var(--warn)}.life line{stroke:var(--ink);stroke-width:2;vector-effect:non-scaling-stroke}
        .life .n,.axis{color:var(--soft);font-size:.82rem}.axis:hover{background:none}
        .axis>:nth-child(2){display:flex;justify-content:space-between;border-bottom:1px solid var(--line)}
        .meter{height:5px;background:var(--line);border-radius:3px;min-width:4rem;margin-top:.55rem}
        .meter i{display:block;height:5px;border-radius:3px;background:var(--bar)}
        .good{color:var(--good)}.bad{color:var(--bad)}.soft{color:var(--soft)}.none{color:var(--soft);margin:0}
        .cmd{white-space:pre-wrap;overflow-wrap:anywhere}[hidden]{display:none!important}
        footer{max-width:76rem;margin:0 auto;padding:0 1.25rem 2rem;color:var(--soft);font-size:.85rem}
        @media(max-width:40rem){.life{grid-template-columns:7rem 1fr}.life .n{display:none}}
        @media print{nav,.tools{display:none}section{break-inside:avoid-page;border:0;padding:0}}
        """

    /// SHA-256 of `script`, as a page's Content-Security-Policy names it (CSP level 3, 2.3.1). A test computes it again.
    static let scriptDigest = "sha256-keLAjE/ra0vkRby3NDtwAdoVcjjiQ9ooRbI9CbG3INw="

    /// Everything can be read without it: it filters the tree of files and sorts tables.
    static let script: StaticString = """
        (()=>{"use strict";const $=(s,r=document)=>[...r.querySelectorAll(s)];
        const tree=document.querySelector(".tree"),box=document.querySelector("#find"),deed=document.querySelector("#deed"),
        told=document.querySelector("#told");
        const filter=()=>{const text=box.value.toLowerCase(),kind=deed.value;let shown=0;
        const walk=(node,above)=>{const path=above+"/"+(node.dataset.n||"");const leaf=node.matches(".leaf");
        const own=(!text||path.toLowerCase().includes(text))&&(!kind||(node.dataset.d||"").split(" ").includes(kind));
        let any=leaf?own:own&&node.dataset.d!==undefined;if(leaf){if(own)shown++}
        else for(const child of node.children)if(child.matches("details,.leaf"))any=walk(child,path)||any;
        node.hidden=!any;if(!leaf&&(text||kind)&&any)node.open=true;return any};
        for(const node of tree.children)if(node.matches("details,.leaf"))walk(node,"");
        $(".more",tree).forEach(e=>e.hidden=!!(text||kind));
        told.textContent=text||kind?shown+" shown":""};
        if(tree&&box){let wait;box.addEventListener("input",()=>{clearTimeout(wait);wait=setTimeout(filter,120)});
        deed.addEventListener("change",filter);
        document.querySelector("#open").addEventListener("click",()=>$("details",tree).forEach(d=>d.open=true));
        document.querySelector("#close").addEventListener("click",()=>$("details",tree).forEach((d,i)=>d.open=i===0));
        document.addEventListener("keydown",e=>{if(e.key==="/"&&!e.ctrlKey&&!e.metaKey&&!e.altKey&&
        !/INPUT|SELECT|TEXTAREA/.test(document.activeElement.tagName)){e.preventDefault();box.focus()}
        if(e.key==="Escape"&&document.activeElement===box){box.value="";deed.value="";filter()}});
        tree.addEventListener("keydown",e=>{const at=e.target.closest("summary");if(!at)return;const own=at.parentElement,
        all=$("summary",tree).filter(s=>s.offsetParent),i=all.indexOf(at),up=own.parentElement.closest("details"),
        next={ArrowDown:all[i+1],ArrowUp:all[i-1],Home:all[0],End:all[all.length-1],
        ArrowRight:own.open&&own.contains(all[i+1])?all[i+1]:null,ArrowLeft:own.open||!up?null:up.firstElementChild}[e.key];
        if(next)next.focus();else if(e.key==="ArrowRight")own.open=true;else if(e.key==="ArrowLeft")own.open=false;else return;
        e.preventDefault()})}
        $("th button").forEach(b=>b.addEventListener("click",()=>{const th=b.parentElement,row=th.parentElement,
        at=[...row.children].indexOf(th),down=th.getAttribute("aria-sort")!=="descending",
        body=th.closest("table").tBodies[0];[...row.children].forEach(t=>t.removeAttribute("aria-sort"));
        th.setAttribute("aria-sort",down?"descending":"ascending");
        const key=r=>{const c=r.children[at];return c.dataset.v===undefined?c.textContent:+c.dataset.v};
        [...body.rows].sort((x,y)=>{const a=key(x),b=key(y),o=a<b?-1:a>b?1:0;return down?-o:o})
        .forEach(r=>body.append(r))}))})();
        """
}
