"""English."""

from __future__ import annotations

from agent.explain.assessment_english import ASSESSMENT, ASSESSMENT_TITLES
from agent.explain.language import Language
from agent.report.words import listed

TITLES = {
    "page.card": "What leaves this truck",
    "card.agreement": "What leaves this truck",
    "card.leaves": "What leaves (for which question; how many days the city / the truck may keep it)",
    "card.questions": "For which questions (who asks: what for)",
    "card.when": "When it leaves",
    "card.never": "What never leaves",
    "card.found": "What people can still find out",
    "card.pause": "How to pause",
}

AGREEMENT = {
    "city": "{city}.",
    "identity": "Data agreement {id}, version {version}, short id {short}.",
    "stopped": "STOPPED: only the state of the box leaves now, whatever stands below.",
    "groups": "Agreed by {groups}; not signed yet.",
    "until": "Its last day is {date}.",
    "behind": (
        "Then {id}, version {version}, short id {short}, holds until {date}: it lets out no more than "
        "this one."
    ),
    "ended": "Then only the state of the box leaves.",
    "changes": "A change counts from a later day’s shift, only “stop all” counts at once.",
}

STREAMS = {
    "stream": "{stream}",
    "track": "the streets your truck took, true to {precision}.",
    "daily.track": "In stretches of {length} or more (less between two gaps), with the date.",
    "timed.track.stretch": "In bits of {every}, with the date.",
    "timed.track.minute": "In bits of {every}, each point with its time of day to the minute.",
    "timed.track.exact": "In bits of {every}, each point with its time of day to the second.",
    "running": (
        "The running time (on the move) counts {stand} of a stop at most, and shows no more than {ceiling}."
    ),
    "stops.declared": "at which of {points} agreed points it stood, not how long.",
    "timed.stops.any": "where it stood, as squares of {precision}, not how long.",
    "lifts": "how often the lift worked in a day, by squares of {cell}.",
    "timed.passed": "the squares of {cell} it went through, by two hours of the day. It leaves an hour late.",
    "harsh_braking": (
        "squares of {cell} where some truck braked hard, how hard, which month, not which truck. Held "
        "{held}, then it leaves with its whole month."
    ),
    "day": "how far it went in a day, to {precision}, and the running time.",
    "site_visits": "how often it was at {sites} in a day, and for how long: {classes}.",
    "class.under": "under {most}",
    "class.between": "{least} to {most}",
    "class.over": "over {least}",
    "crew_report": (
        "what you report by button: a danger, a blocked street, nothing put out. With the day and a "
        "square of {cell}."
    ),
    "help": "where you are, exact and at once, until you end the call, in a pause and off limits too.",
    "timed.live": "where your truck is now, as a square of {cell}.",
    "box": "the state of the box: version, storage, what got lost. Not where it was.",
    "stream.until": "Only until {date}.",
    "asked.none": "no question",
    "asked.one": "question {numbers}",
    "asked.several": "questions {numbers}",
    "stream.kept": "({asked}; {city_days} / {truck})",
}

QUESTIONS = {
    "question.number": "{number}",
    "question": "“{asks}” ({owner}: “{purpose}”)",
    "question.until": "Only until {date}.",
    "question.allowed": "Allowed: {uses}.",
    "question.forbidden": "Forbidden: {uses}.",
}

WHEN = {
    "daily.slots": (
        "A day’s records leave on a later day, at the first of these times with power and network: "
        "{slots} ({zone})."
    ),
    "daily.envelopes": "There are always {count} envelopes of {size}, full or not.",
    "daily.silent.hours": "In working hours the truck is silent.",
    "daily.silent.day": (
        "From the start of your shift the truck sends nothing until the day ends at {starts}."
    ),
    "timed.every": "All that is new leaves every {every} while there is a network, in steps of {size}.",
    "fleet.slots": "Hard braking leaves apart, without the truck’s name, at {slots}.",
    "help.at_once": "A call for help leaves at once.",
    "unsent": "What has not left after {device} is deleted.",
}

NEVER = {
    "never.hidden": "Nothing leaves from when {off} is off, or from outside the service area.",
    "never.hidden.places": (
        "Nothing leaves from when {off} is off, from outside the service area, or from a place off "
        "limits: {places}."
    ),
    "off.both": "your switch or the ignition",
    "off.switch": "your switch",
    "place": "{name}",
    "place.margin": "{name} (and {margin} round it)",
    "never.trim": "The {trim} of the way before and after stay out too.",
    "daily.never.hidden": "What happens then or there, and how long it takes, changes nothing that leaves.",
    "timed.never.hidden": (
        "What happens then or there changes nothing that leaves, but how long it takes can be seen."
    ),
    "never.help": "Only your call for help leaves from there.",
    "daily.never.time": "No time of day.",
    "daily.never.time.help": "No time of day, but of a call for help.",
    "daily.never.speed": "No speed at a place.",
    "daily.never.stand": "Not how long you stood.",
    "daily.never.stand.sites": "Not how long you stood, but at the sites.",
    "never.way": "Not where your truck went.",
    "never.names": "No name, badge, number plate or phone number.",
    "never.raw": "No height, heading or raw data.",
    "never.other": "No kind of record that is not on this page.",
}

FOUND = {
    "daily.found.detour": "A detour shows, and so does a break on it.",
    "daily.found.breaks": (
        "Where on your route you took a break is meant to stay hidden: the attack test prints how well. "
        "Whoever knows when it was can often find where."
    ),
    "daily.found.total": (
        "Whoever knows when your shift began and ended can tell about how long all breaks were."
    ),
    "daily.found.speed": "How fast you went on average while moving shows.",
    "daily.found.power": "Whether the truck had power and network at the fixed times shows.",
    "daily.found.duty": "Whether your shift had begun at one of them can show.",
    "daily.found.gap": (
        "If you pause and go on somewhere else, a gap shows, but not how long it was; a place off limits "
        "is a gap too."
    ),
    "timed.found.breaks": (
        "When messages come shows when the truck stands. So your breaks show: when, and how long."
    ),
    "timed.found.breaks.where": (
        "When messages come shows when the truck stands. So your breaks show: when, where and how long."
    ),
    "timed.found.speed": "Your speed can be worked out.",
    "timed.found.stops": "A break is a stop like any other.",
    "timed.found.live": "Whoever sees where the truck is now can write it down and keep it.",
    "timed.found.link": "Whether the truck has power and network shows all the time.",
    "timed.found.gap": "If you pause and go on somewhere else, a gap shows; a place off limits is a gap too.",
    "found.roster": "Whoever knows which crew had the truck knows whose records these are.",
    "found.square": "If just one truck goes through a square, a hard braking there was that truck’s.",
    "found.square.joined": (
        "A hard braking’s place can tell which truck it was, above all where just one goes."
    ),
    "found.lifts": "Your bins of a day can be added up; a square with one bin shows if that was emptied.",
    "found.sites": "A break at a site adds to the visit, unless your switch is off.",
    "found.stops.declared": "A break near an agreed point shows as a stop there.",
    "found.outside": (
        "No computer stops a forbidden use. People can follow the truck, the phone company knows where "
        "its modem is, and whoever swaps the software can change all this."
    ),
}

PAUSE = {
    "records": "The truck records only while {on} on.",
    "records.hours": "The truck records only while {on} on, and only from {hours}.",
    "on.both": "the ignition and your switch are",
    "on.switch": "your switch is",
    "hours.span": "{begins} to {ends}",
    "pause.switch": "Switch off to pause, on to go on.",
    "pause.button": (
        "A switch that springs back: press it to pause, press it again to go on; the ignition off and on "
        "makes it go on too."
    ),
    "pause.at_once": "It works within a second, you need no reason, and no one can undo it from far away.",
    "daily.pause.trace": "Go on within {stitch} of where you paused, and the pause leaves no trace.",
    "timed.pause.shows": "How long you pause can be seen.",
    "timed.pause.gap": "The way has no gap if you go on within {stitch} of where you paused.",
    "pause.light": "Light on: it records. Light off: it does not.",
}

ENGLISH = Language(
    code="en",
    sentences=AGREEMENT | STREAMS | QUESTIONS | WHEN | NEVER | FOUND | PAUSE | ASSESSMENT,
    titles=TITLES | ASSESSMENT_TITLES,
    months=(
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    date="{day} {month} {year}",
    units={"B": "bytes"},
    listed=listed,
)
