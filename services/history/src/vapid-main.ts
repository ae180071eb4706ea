import webPush from 'web-push'

/* Prints a new pair of keys for pushes, as settings. */

const { publicKey, privateKey } = webPush.generateVAPIDKeys()
process.stdout.write(`RABBLE_VAPID_PUBLIC_KEY=${publicKey}\nRABBLE_VAPID_PRIVATE_KEY=${privateKey}\n`)
