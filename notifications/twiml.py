"""What a caller hears: TwiML, Twilio's language for calls, written by Twilio's own library."""

from twilio.twiml.voice_response import Gather, VoiceResponse

# Language and voice for each of ours. Source: Twilio's list of voices for text to speech.
VOICES: dict[str, tuple[str, str]] = {
    "en": ("en-US", "Polly.Joanna-Neural"),
    "de": ("de-DE", "Polly.Vicki-Neural"),
    "fr": ("fr-FR", "Polly.Lea-Neural"),
    "es": ("es-ES", "Polly.Lucia-Neural"),
    "ar": ("arb", "Polly.Zeina"),
}
SECONDS_TO_PRESS = 12


def ask(text: str, language: str, answer_url: str, keys: int) -> str:
    """Say something twice, and send so many digits with the hash key after them to `answer_url`; then hang up."""
    spoken, voice = VOICES.get(language, VOICES["en"])
    response = VoiceResponse()
    for _time in range(2):
        gather = Gather(
            input="dtmf",
            action=answer_url,
            method="POST",
            num_digits=keys + 1,
            finish_on_key="",  # the hash key is part of the answer
            timeout=SECONDS_TO_PRESS,
        )
        gather.say(text, language=spoken, voice=voice)
        response.append(gather)
    response.hangup()
    return str(response)


def farewell(text: str, language: str) -> str:
    """Say something and hang up."""
    spoken, voice = VOICES.get(language, VOICES["en"])
    response = VoiceResponse()
    response.say(text, language=spoken, voice=voice)
    response.hangup()
    return str(response)
