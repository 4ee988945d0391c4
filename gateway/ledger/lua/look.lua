-- Whether Redis remembers all it has said: its epoch and seq, and the run of it that began the epoch beside this one.
return {redis.call('GET', key('epoch')) or '', redis.call('GET', key('seq')) or '0', redis.call('GET', key('run')) or '', run()}
